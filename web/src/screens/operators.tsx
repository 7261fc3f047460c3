/** Where operators go on from. */
import { useMessages } from '../i18n'
import { useTitle } from '../ui/hooks'
import '../style/search.css'

export default function Operators() {
  const t = useMessages()
  useTitle(t.operators)
  const places = [
    ['/internal/rq', t.queues],
    ['/docs', t.apiDocs],
    ['/readyz', t.state],
    ['/metrics', t.figures],
  ] as const
  return (
    <main id="main" className="column">
      <h1>{t.operators}</h1>
      <ul className="links">
        {places.map(([href, name]) => (
          <li key={href}>
            <a href={href}>{name}</a> <span className="quiet">{href}</span>
          </li>
        ))}
      </ul>
    </main>
  )
}
