/** The parts of an unchanged text that are near a change, and what may be left out between them. */

const NEAR = 240
const WORTH_LEAVING_OUT = 300
/** Where a text may be cut; Chinese and Japanese have no blanks. */
const ENDS = [' ', '\n', '。', '、']

/** `[beside what was before, in between, beside what comes after]`, joined the text. */
export function around(text: string, isAfterChange: boolean, isBeforeChange: boolean): [string, string, string] {
  const from = isAfterChange ? Math.min(...ENDS.map((end) => place(text.indexOf(end, NEAR), text.length))) : 0
  const to = isBeforeChange ? Math.max(...ENDS.map((end) => text.lastIndexOf(end, text.length - NEAR))) : text.length
  if (to - from < WORTH_LEAVING_OUT) return [text, '', '']
  return [text.slice(0, from), text.slice(from, to), text.slice(to)]
}

function place(found: number, otherwise: number): number {
  return found < 0 ? otherwise : found
}
