/** What is seen of a text beside the text itself: preview, outline, the count of its words. */
import { lazy, Suspense, useMemo, useState } from 'react'
import { useMessages } from '../i18n'
import { useRested } from '../ui/hooks'
import { stored } from '../ui/stored'
import type { Words } from '../words/way'
import { countWords, headings } from './count'

const Text = lazy(() => import('../reading/text'))
const REST_MS = 350

export function Preview({ title, content }: { title: string; content: Words }) {
  const t = useMessages()
  const rested = useRested(content, REST_MS)
  return (
    <section className="preview reading" aria-label={t.preview}>
      <h1>{title}</h1>
      <Suspense>
        <Text content={useMemo(() => rested.toString(), [rested])} reading={false} />
      </Suspense>
    </section>
  )
}

export function Outline({ content, go }: { content: Words; go: (at: number) => void }) {
  const t = useMessages()
  const rested = useRested(content, REST_MS)
  const found = useMemo(() => headings(rested.toString()), [rested])
  return (
    <nav className="outline" aria-label={t.outline}>
      <h2>{t.outline}</h2>
      {found.length === 0 && <p className="quiet">{t.noHeadings}</p>}
      <ul>
        {found.map((heading) => (
          <li key={heading.at} className={`level-${heading.level}`}>
            <button type="button" onClick={() => go(heading.at)}>
              {heading.text.replace(/[*_`]/g, '')}
            </button>
          </li>
        ))}
      </ul>
    </nav>
  )
}

export function WordCount({ content, pageId }: { content: Words; pageId: string }) {
  const t = useMessages()
  const rested = useRested(content, REST_MS)
  const count = useMemo(() => countWords(rested.toString()), [rested])
  const kept = useMemo(() => stored<string>(`sinpluma.goal.${pageId}`, '0', (value) => /^\d+$/.test(value)), [pageId])
  const [goal, setGoal] = useState(Number(kept.get()))
  const change = (value: string) => {
    const next = Math.max(0, Math.min(Number.parseInt(value, 10) || 0, 1_000_000))
    kept.set(String(next))
    setGoal(next)
  }
  return (
    <footer className="count">
      <span>{goal > 0 ? t.ofGoal(count, goal) : t.words(count)}</span>
      {goal > 0 && <progress max={goal} value={Math.min(count, goal)} aria-label={t.goal} />}
      {goal > 0 && count >= goal && <span className="reached">{t.goalReached}</span>}
      <label className="quiet">
        {t.goal}{' '}
        <input
          type="number"
          min={0}
          step={50}
          inputMode="numeric"
          title={t.goalHint}
          value={goal || ''}
          onChange={(e) => change(e.target.value)}
        />
      </label>
    </footer>
  )
}
