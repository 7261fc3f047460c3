import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type Change, changesBetween } from './changes'

function apply(text: string, changes: Change[]): string {
  return changes
    .toReversed()
    .reduce((done, { from, to, insert }) => done.slice(0, from) + insert + done.slice(to), text)
}

const words = fc
  .array(fc.constantFrom('a', 'b', '\n', 'é', '😀', '😁', '\n\n', 'word '), { maxLength: 40 })
  .map((all) => all.join(''))

it('makes one text of the other, in order and without overlap', () => {
  fc.assert(
    fc.property(words, words, (old, next) => {
      const changes = changesBetween(old, next)
      expect(apply(old, changes)).toBe(next)
      for (const [at, change] of changes.entries()) expect(change.from).toBeGreaterThanOrEqual(changes[at - 1]?.to ?? 0)
    }),
    { numRuns: 2000 },
  )
})

it('leaves alone what is the same between two changes', () => {
  const changes = changesBetween('one\ntwo\nthree\nfour', 'One\ntwo\nthree\nfour!')
  expect(changes).toEqual([
    { from: 0, to: 1, insert: 'O' },
    { from: 18, to: 18, insert: '!' },
  ])
})

it('never parts the halves of a character', () => {
  expect(changesBetween('😀', '😁')).toEqual([{ from: 0, to: 2, insert: '😁' }])
})

it('is quick where all lines differ', () => {
  const many = (word: string) => Array.from({ length: 20_000 }, (_, at) => `${word} ${at}`).join('\n')
  const begin = performance.now()
  expect(changesBetween(many('old'), many('new'))).toHaveLength(1)
  expect(performance.now() - begin).toBeLessThan(2000)
})
