/** What has changed between two texts, word by word; of what has not, as much as shows where it stands. */
import { useState } from 'react'
import type { Diff } from '../api/client'
import { countWords } from '../editor/count'
import { useMessages } from '../i18n'
import { Button } from '../ui/parts'
import { around } from './around'

export function Difference({ diff }: { diff: Diff }) {
  const t = useMessages()
  const { inserted_words: more, deleted_words: less } = diff.stats
  const last = diff.hunks.length - 1
  const same = diff.hunks.every(({ op }) => op === 'equal')
  return (
    <>
      <p className="quiet">
        {same ? t.noDifference : [more > 0 && t.gained(more), less > 0 && t.lost(less)].filter(Boolean).join(' · ')}
      </p>
      <div className="diff">
        {diff.hunks.map(({ op, text }, at) => {
          // biome-ignore-start lint/suspicious/noArrayIndexKey: the hunks have no other name
          if (op === 'insert') return <ins key={at}>{text}</ins>
          if (op === 'delete') return <del key={at}>{text}</del>
          if (same) return text
          return <Unchanged key={at} parts={around(text, at > 0, at < last)} />
          // biome-ignore-end lint/suspicious/noArrayIndexKey: see above
        })}
      </div>
    </>
  )
}

function Unchanged({ parts: [head, middle, tail] }: { parts: [string, string, string] }) {
  const t = useMessages()
  const [shown, setShown] = useState(false)
  return (
    <span>
      {head}
      {middle && !shown ? (
        <Button kind="unchanged" onClick={() => setShown(true)}>
          … {t.unchanged(countWords(middle))} …
        </Button>
      ) : (
        middle
      )}
      {tail}
    </span>
  )
}
