/** Two texts that can't be merged, side by side; the author chooses, and the other one is in the history. */
import { useEffect, useMemo, useRef } from 'react'
import { useMessages } from '../i18n'
import { Button } from '../ui/parts'
import type { State } from '../words/way'
import { changesBetween } from './changes'
import '../style/clash.css'

interface Props {
  state: State
  choose: (which: 'mine' | 'theirs') => void
}

export function Clash({ state, choose }: Props) {
  const t = useMessages()
  const theirs = state.clash?.current
  const ref = useRef<HTMLElement>(null)
  useEffect(() => {
    ref.current?.focus({ preventScroll: true })
    ref.current?.scrollIntoView()
  }, [])
  const mine = state.draft.content.toString()
  if (!theirs) return null
  return (
    <section ref={ref} tabIndex={-1} className="clash" aria-label={t.statusElsewhere}>
      <p role="alert">{t.clash}</p>
      <div className="sides">
        <div>
          <h2>{t.mine}</h2>
          <Button kind="primary" onClick={() => choose('mine')} disabled={state.yielding}>
            {t.keepMine}
          </Button>
          <h3>{state.draft.title}</h3>
          <Side text={mine} other={theirs.content} />
        </div>
        <div>
          <h2>{t.theirs}</h2>
          <Button kind="primary" onClick={() => choose('theirs')} disabled={state.yielding}>
            {t.takeTheirs}
          </Button>
          <h3>{theirs.title}</h3>
          <Side text={theirs.content} other={mine} />
        </div>
      </div>
    </section>
  )
}

/** One text, with what the other does not have marked. */
function Side({ text, other }: { text: string; other: string }) {
  const parts = useMemo(() => {
    let at = 0
    const found = changesBetween(text, other).flatMap(({ from, to }) => {
      const pair = [text.slice(at, from), text.slice(from, to)] as const
      at = to
      return [pair]
    })
    return [...found, [text.slice(at), ''] as const]
  }, [text, other])
  return (
    <div className="side">
      {parts.map(([same, own], at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the parts have no other name
        <span key={at}>
          {same}
          {own && <mark>{own}</mark>}
        </span>
      ))}
    </div>
  )
}
