/** For tests: a page on a server, and the world between it and a writer, under the test's control. */
import type { Clock, Network, Storage } from './keeper'
import type { Draft, Outcome, Pending, Theirs } from './way'

/** Time that passes only when the test says so. */
export class Time implements Clock {
  at = 0
  private calls: { at: number; call: () => void }[] = []

  now(): number {
    return this.at
  }

  after(ms: number, call: () => void): () => void {
    const entry = { at: this.at + ms, call }
    this.calls.push(entry)
    return () => {
      this.calls = this.calls.filter((each) => each !== entry)
    }
  }

  async pass(ms: number): Promise<void> {
    const end = this.at + ms
    await settle()
    for (;;) {
      const next = this.calls.filter((each) => each.at <= end).sort((a, b) => a.at - b.at)[0]
      if (!next) break
      this.calls = this.calls.filter((each) => each !== next)
      this.at = Math.max(this.at, next.at)
      next.call()
      await settle()
    }
    this.at = end
  }
}

/** Let all promises that can be kept be kept. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve()
}

/** The server's rules for saves, as the contract tells them: versions, receipts, merges, and a history of all texts. */
export class Server {
  versions: { title: string; content: string }[] = [{ title: 'T', content: 'begin' }]
  history: string[] = ['begin']
  private receipts = new Map<string, { body: string; outcome: Outcome }>()

  get page(): Theirs {
    const version = this.versions.length
    const now = this.versions[version - 1] ?? { title: '', content: '' }
    return { ...now, version, etag: `"${version}"` }
  }

  take(pending: Pending): Outcome {
    const content = pending.content.toString()
    const body = JSON.stringify([pending.title, content, pending.etag, pending.autosave])
    const earlier = this.receipts.get(pending.key)
    if (earlier) {
      if (earlier.body !== body) throw new Error('a key was used for another body')
      return earlier.outcome
    }
    const outcome = this.apply(pending.title, content, Number(pending.etag.slice(1, -1)))
    this.receipts.set(pending.key, { body, outcome })
    return outcome
  }

  /** A save by another device. */
  write(change: (content: string) => string): void {
    const { title, content } = this.page
    this.add(title, change(content))
  }

  private apply(title: string, content: string, base: number): Outcome {
    if (base !== this.page.version) {
      this.history.push(content)
      const old = this.versions[base - 1]?.content ?? ''
      const both = merge(old, content, this.page.content)
      return { kind: 'stale', current: this.page, merged: both === null ? null : { title, content: both } }
    }
    const { page } = this
    if (page.title !== title || page.content !== content) this.add(title, content)
    const { version, etag } = this.page
    return { kind: 'saved', version, etag }
  }

  private add(title: string, content: string): void {
    this.versions.push({ title, content })
    this.history.push(content)
  }
}

/** Clean where one side begins as the base begins, and the other ends as it ends: enough to have both outcomes. */
function merge(base: string, mine: string, theirs: string): string | null {
  if (mine.endsWith(base) && theirs.startsWith(base)) return mine + theirs.slice(base.length)
  if (theirs.endsWith(base) && mine.startsWith(base)) return theirs + mine.slice(base.length)
  return null
}

export type Weather =
  | 'fair'
  | 'request lost'
  | 'answer lost'
  | 'twice'
  | 'late twice'
  | 'error'
  | 'signed out'
  | 'silent'

/** A network that does what its weather says. Requests that hang are let go by `release`. */
export class Wire implements Network {
  weather: Weather = 'fair'
  underway = 0
  most = 0
  private late: Pending[] = []
  private hanging: (() => void)[] = []

  constructor(private readonly server: Server) {}

  async save(_: Draft, pending: Pending): Promise<Outcome> {
    this.underway += 1
    this.most = Math.max(this.most, this.underway)
    const outcome = await this.pass(pending)
    this.underway -= 1
    return outcome
  }

  /** Deliver what was held up: repeated requests, long after their time. */
  release(): void {
    for (const pending of this.late.splice(0)) this.server.take(pending)
    for (const go of this.hanging.splice(0)) go()
  }

  /** A window that is gone waits for nothing. */
  forget(): void {
    this.underway = 0
    this.hanging = []
  }

  private async pass(pending: Pending): Promise<Outcome> {
    switch (this.weather) {
      case 'request lost':
        return { kind: 'away', why: 'offline' }
      case 'error':
        return { kind: 'away', why: 'server' }
      case 'signed out':
        return { kind: 'signed-out' }
      case 'answer lost':
        this.server.take(pending)
        return { kind: 'away', why: 'offline' }
      case 'twice':
        this.server.take(pending)
        return this.server.take(pending)
      case 'late twice':
        this.late.push(pending)
        return this.server.take(pending)
      case 'silent':
        await new Promise<void>((go) => this.hanging.push(go))
        return this.server.take(pending)
      case 'fair':
        return this.server.take(pending)
    }
  }
}

/** IndexedDB as far as it matters: whole drafts, or an error. */
export class Shelf implements Storage {
  draft: Draft | null = null
  full = false
  silent = false

  async put(draft: Draft): Promise<void> {
    await Promise.resolve()
    if (this.full) throw new Error('QuotaExceededError')
    if (this.silent) return new Promise(() => {})
    this.draft = draft
  }
}
