/** Titles, as the service takes them: one line in which something can be seen. */

/** What is typed or pasted, with blanks for line ends and control characters. */
export function lineOf(typed: string): string {
  return typed.toWellFormed().replace(/\s*[\p{Cc}\p{Zl}\p{Zp}]+\s*/gu, ' ')
}

const SEEN = /[^\p{Z}\p{Cc}\p{Cf}\p{Cs}\p{DI}\u2800]/u

export function titleOf(typed: string, otherwise: string): string {
  const line = lineOf(typed).trim()
  return SEEN.test(line) ? line : otherwise
}
