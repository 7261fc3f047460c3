/** How Markdown is shown while it is written, as long as that costs nothing while one types. */
import { markdownLanguage, pasteURLAsLink } from '@codemirror/lang-markdown'
import { HighlightStyle, LanguageSupport, syntaxHighlighting } from '@codemirror/language'
import { Compartment, type EditorState, type Extension, type Text } from '@codemirror/state'
import { type EditorView, ViewPlugin } from '@codemirror/view'
import { tags } from '@lezer/highlight'

// The parser takes a paragraph as a whole at each key: one of a megabyte takes it 80 ms.
const MOST_IN_A_PARAGRAPH = 50_000
const REST_MS = 500

const look = HighlightStyle.define([
  { tag: tags.heading1, fontSize: '1.5em', fontWeight: '650', lineHeight: '1.3' },
  { tag: tags.heading2, fontSize: '1.25em', fontWeight: '650' },
  { tag: tags.heading, fontWeight: '650' },
  { tag: tags.emphasis, fontStyle: 'italic' },
  { tag: tags.strong, fontWeight: '700' },
  { tag: tags.strikethrough, textDecoration: 'line-through' },
  { tag: tags.monospace, fontFamily: 'var(--mono)', fontSize: '0.9em' },
  { tag: tags.link, color: 'var(--accent)' },
  { tag: [tags.processingInstruction, tags.url, tags.contentSeparator, tags.meta], color: 'var(--quiet)' },
  { tag: tags.quote, color: 'var(--soft)' },
])

// Without HTML, scripts and styles inside the text: their grammars are twice the size of all the rest.
const markdown = [new LanguageSupport(markdownLanguage, pasteURLAsLink), syntaxHighlighting(look)]
const chosen = new Compartment()

function isHeavy(doc: Text): boolean {
  if (doc.length <= MOST_IN_A_PARAGRAPH) return false
  let length = 0
  for (const line of doc.iterLines()) {
    length = line.trim() ? length + line.length : 0
    if (length > MOST_IN_A_PARAGRAPH) return true
  }
  return false
}

/** Looks at the text again whenever it has rested: a paragraph may have grown, or been parted. */
const watching = ViewPlugin.define((view: EditorView) => {
  let timer = 0
  let heavy = isHeavy(view.state.doc)
  const look = () => {
    if (isHeavy(view.state.doc) === heavy || view.composing) return
    heavy = !heavy
    view.dispatch({ effects: chosen.reconfigure(heavy ? [] : markdown) })
  }
  return {
    update(update) {
      if (!update.docChanged) return
      clearTimeout(timer)
      timer = window.setTimeout(look, REST_MS)
    },
    destroy: () => clearTimeout(timer),
  }
})

export function grammar(doc: EditorState['doc']): Extension {
  return [chosen.of(isHeavy(doc) ? [] : markdown), watching]
}
