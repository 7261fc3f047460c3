import { expect, it } from 'vitest'
import { countWords, headings } from './count'

it.each([
  ['', 0],
  ['Two words.', 2],
  ["don't stop, well-known 3.14", 4],
  ['un**believ**able', 1],
  ['[a link](https://example.org/much/text) and ![a picture](/x.png)', 5],
  ['我爱**北京**天安门', 7],
  ['<!-- nothing --> <b>one</b>', 1],
  ['```js\ncode here\n```', 2],
  ['---\ntitle: X\n---\nbody', 1],
  ['https://example.org/a?b=c', 1],
])('%j has %i words', (text, count) => {
  expect(countWords(text)).toBe(count)
})

it('finds headings, and none in code', () => {
  const found = headings('# One\ntext\n```\n# code\n```\n### Three ##\n#no')
  expect(found.map(({ level, text }) => [level, text])).toEqual([
    [1, 'One'],
    [3, 'Three'],
  ])
})
