import fc from 'fast-check'
import { expect, it } from 'vitest'
import { around } from './around'

const long = 'The river goes on and on. '.repeat(100)

it('leaves out the middle of what lies between two changes', () => {
  const [head, middle, tail] = around(long, true, true)
  for (const part of [head, tail]) expect(part.length).toBeLessThan(300)
  expect(middle.length).toBeGreaterThan(2000)
  expect(tail).toMatch(/^ \w+/)
})

it('leaves out what stands before the first change and behind the last', () => {
  expect(around(long, false, true)[0]).toBe('')
  expect(around(long, true, false)[2]).toBe('')
})

it('shows what is short', () => {
  expect(around('A few words.', true, true)).toEqual(['A few words.', '', ''])
})

it('keeps all of the text, and every character whole', () => {
  const texts = fc.string({ unit: 'grapheme', maxLength: 3000 })
  fc.assert(
    fc.property(texts, fc.boolean(), fc.boolean(), (text, before, after) => {
      const parts = around(text, before, after)
      expect(parts.join('')).toBe(text)
      for (const part of parts) expect(part.isWellFormed()).toBe(true)
    }),
  )
})
