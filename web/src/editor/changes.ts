/** What has to change in one text to make it another: as little as possible, so that the cursor stays where it is. */

export interface Change {
  from: number
  to: number
  insert: string
}

/** Beyond this many differing lines the middle is replaced as a whole. */
const MOST_STEPS = 400

export function changesBetween(old: string, next: string): Change[] {
  if (old === next) return []
  const [a, b] = [lines(old), lines(next)]
  let start = 0
  while (start < a.length && start < b.length && a[start] === b[start]) start++
  let end = 0
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++
  const middle = [a.slice(start, a.length - end), b.slice(start, b.length - end)] as const
  const offset = length(a.slice(0, start))
  return blocks(...middle).map(([removed, added, at]) => trimmed(removed, added, offset + at))
}

/** Lines with their ends, so that joined they are the text. */
function lines(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? []
}

function length(parts: string[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0)
}

/** `[removed, added, offset in the old text]` for each run of lines that differ. */
function blocks(a: string[], b: string[]): [string, string, number][] {
  const pairs = common(a, b)
  const found: [string, string, number][] = []
  let [i, j, offset] = [0, 0, 0]
  for (const [x, y] of [...pairs, [a.length, b.length] as const]) {
    const [removed, added] = [a.slice(i, x).join(''), b.slice(j, y).join('')]
    if (removed !== added) found.push([removed, added, offset])
    offset += removed.length + (a[x]?.length ?? 0)
    ;[i, j] = [x + 1, y + 1]
  }
  return found
}

/** The longest common subsequence as pairs of places (Myers), none when the texts differ too much. */
function common(a: string[], b: string[]): (readonly [number, number])[] {
  let ends = new Map<number, { x: number; path: Path }>([[1, { x: 0, path: null }]])
  for (let steps = 0; steps <= Math.min(a.length + b.length, MOST_STEPS); steps++) {
    const next = new Map<number, { x: number; path: Path }>()
    for (let k = -steps; k <= steps; k += 2) {
      const [down, right] = [ends.get(k + 1), ends.get(k - 1)]
      const isDown = k === -steps || (k !== steps && (right?.x ?? -1) < (down?.x ?? -1))
      const from = isDown ? down : right
      if (!from) continue
      let x = isDown ? from.x : from.x + 1
      let path = from.path
      for (; x < a.length && x - k < b.length && a[x] === b[x - k]; x++) path = { x, y: x - k, before: path }
      if (x >= a.length && x - k >= b.length) return unwound(path)
      next.set(k, { x, path })
    }
    ends = next
  }
  return []
}

type Path = { x: number; y: number; before: Path } | null

function unwound(path: Path): (readonly [number, number])[] {
  const found: (readonly [number, number])[] = []
  for (let at = path; at; at = at.before) found.push([at.x, at.y])
  return found.reverse()
}

/** The change without what both sides begin and end with; never between the halves of a character. */
function trimmed(removed: string, added: string, offset: number): Change {
  const most = Math.min(removed.length, added.length)
  let start = 0
  while (start < most && removed[start] === added[start]) start++
  if (isHalf(removed, start)) start--
  let end = 0
  while (end < most - start && removed[removed.length - 1 - end] === added[added.length - 1 - end]) end++
  if (isHalf(removed, removed.length - end)) end--
  return {
    from: offset + start,
    to: offset + removed.length - end,
    insert: added.slice(start, added.length - end),
  }
}

function isHalf(text: string, at: number): boolean {
  const unit = at > 0 ? text.charCodeAt(at - 1) : 0
  return unit >= 0xd800 && unit < 0xdc00
}
