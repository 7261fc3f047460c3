import { expect, it } from 'vitest'
import { lineOf, titleOf } from './titles'

it.each(['', ' ', '\u200b', '\u3164\ufe0f', '\n', '\0'])('takes another title for %j', (typed) => {
  expect(titleOf(typed, 'Untitled')).toBe('Untitled')
})

it.each(['A', '.', '👩‍🚀', '标题', ' trimmed '])('takes %j', (typed) => {
  expect(titleOf(typed, 'Untitled')).toBe(typed.trim())
})

it('makes one line of what is pasted', () => {
  expect(lineOf('one \r\n two\u2028three\0 \ud800')).toBe('one two three \ufffd')
})
