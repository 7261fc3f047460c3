/** How many words a reader would read, near enough to what the service counts, and quickly. */

const NOT_READ: [RegExp, string][] = [
  [/^(---|\+\+\+)\n[\s\S]*?\n\1\n/, ''],
  [/<!--[\s\S]*?-->/g, ''],
  [/^ {0,3}\[[^\]\n]+\]:.*$/gm, ''],
  [/^(\s*(?:```+|~~~+)).*$/gm, ''],
  [/\]\([^)\n]*\)/g, ' '],
  [/\]\[[^\]\n]*\]/g, ' '],
  [/<\/?[A-Za-z][^>\n]*>/g, ''],
  [/&#?\w+;/g, 'x'],
  [/[*_`~\u00ad\u200b-\u200d]/g, ''],
]
const WORD =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]|https?:\/\/\S+|[\p{L}\p{N}\p{M}\p{Extended_Pictographic}]+(?:['’.,:-][\p{L}\p{N}\p{M}]+)*/gu

export function countWords(text: string): number {
  const read = NOT_READ.reduce((left, [what, instead]) => left.replace(what, instead), text)
  let count = 0
  for (const _ of read.matchAll(WORD)) count++
  return count
}

export interface Heading {
  level: number
  text: string
  /** Where its line begins. */
  at: number
}

/** The headings of a text, without those that stand in code. */
export function headings(text: string): Heading[] {
  const found: Heading[] = []
  let fence: string | null = null
  for (const { 0: line, index } of text.matchAll(/^.*$/gm)) {
    const mark = /^ {0,3}(```|~~~)/.exec(line)?.[1] ?? null
    if (mark && (!fence || fence === mark)) fence = fence ? null : mark
    const heading = fence ? null : /^ {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$/.exec(line)
    if (heading?.[2]) found.push({ level: heading[1]?.length ?? 1, text: heading[2], at: index })
  }
  return found
}
