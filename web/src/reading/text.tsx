/** A page's text, shown. Links to pages of this service stay inside the desk. */
import { type MouseEvent, useMemo } from 'react'
import { isPlainClick, match, navigate } from '../ui/router'
import { render } from './markdown'
import '../style/reading.css'

export default function Text({ content, reading = true }: { content: string; reading?: boolean }) {
  const html = useMemo(() => ({ __html: render(content) }), [content])
  const follow = (event: MouseEvent) => {
    const link = (event.target as Element).closest('a')
    if (!link || link.origin !== location.origin || !isPlainClick(event)) return
    const page = match('/notebooks/:id/pages/:page', link.pathname)
    if (!page) return
    event.preventDefault()
    navigate(reading ? `/read/${page.id}/${page.page}` : link.pathname)
  }
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: a link that is followed by the keyboard clicks
    // biome-ignore lint/a11y/noStaticElementInteractions: the links inside are what is clicked
    // biome-ignore lint/security/noDangerouslySetInnerHtml: sanitised in `render`
    <div className="prose" onClick={follow} dangerouslySetInnerHTML={html} />
  )
}
