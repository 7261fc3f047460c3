/** Markdown as HTML that can do no harm: rendered by markdown-it, then cleaned by DOMPurify whatever came out of it. */
import DOMPurify from 'dompurify'
import MarkdownIt from 'markdown-it'

const renderer = new MarkdownIt({ html: true, linkify: false, typographer: false })

const ALLOWED = {
  ALLOWED_TAGS:
    'a abbr b blockquote br code dd del details div dl dt em figcaption figure h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q rp rt ruby s samp small span strong sub summary sup table tbody td tfoot th thead tr u ul'.split(
      ' ',
    ),
  ALLOWED_ATTR: 'href src alt title start align colspan rowspan lang dir open'.split(' '),
  ALLOW_DATA_ATTR: false,
  ALLOWED_URI_REGEXP: /^(?:https?:|mailto:|\/(?!\/)|#|\.{0,2}\/|[^:/?#]*(?:[/?#]|$))/i,
}

const FRONT_MATTER = /^(---|\+\+\+)\n[\s\S]*?\n\1\n/

/** The text as a fragment of HTML; headings begin at level two, for the page's title is the first. */
export function render(text: string): string {
  const dirty = renderer.render(text.replace(FRONT_MATTER, ''))
  const body = DOMPurify.sanitize(dirty, { ...ALLOWED, RETURN_DOM: true })
  for (const link of body.querySelectorAll('a[href]')) {
    const foreign = /^https?:/i.test(link.getAttribute('href') ?? '')
    if (foreign) link.setAttribute('rel', 'noopener noreferrer nofollow')
  }
  for (const image of body.querySelectorAll('img')) {
    image.setAttribute('loading', 'lazy')
    image.setAttribute('decoding', 'async')
    if (!image.hasAttribute('alt')) image.setAttribute('alt', '')
  }
  for (const heading of body.querySelectorAll('h1,h2,h3,h4,h5')) lower(heading)
  return body.innerHTML
}

function lower(heading: Element): void {
  const next = document.createElement(`h${Number(heading.tagName[1]) + 1}`)
  next.append(...heading.childNodes)
  heading.replaceWith(next)
}

/** A line of Markdown without its marks, for outlines. */
export function plain(line: string): string {
  const holder = document.createElement('div')
  holder.innerHTML = DOMPurify.sanitize(renderer.renderInline(line), { ALLOWED_TAGS: [] })
  return holder.textContent ?? ''
}
