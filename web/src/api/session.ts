/** Who is signed in. The access token lives in this window's memory; what lasts is a cookie that no script can read. */
import type { components } from './schema'

export type User = Pick<components['schemas']['Profile'], 'id' | 'username' | 'display_name' | 'role'>

/** `expired`: someone was signed in, and has to sign in again before anything can be sent. */
export type Standing =
  | { kind: 'unknown' }
  | { kind: 'out' }
  | { kind: 'in'; user: User }
  | { kind: 'expired'; user: User }

const REMEMBERED = 'sinpluma.user'
const LOCK = 'sinpluma.refresh'
const PATIENCE_MS = 15_000

class Session {
  standing: Standing = { kind: 'unknown' }
  private access: string | null = null
  private refreshing: Promise<boolean> | null = null
  private listeners = new Set<() => void>()
  private others = new BroadcastChannel('sinpluma.session')

  constructor() {
    this.others.onmessage = ({ data }) => this.heard(data)
  }

  listen = (listener: () => void): (() => void) => {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  get = (): Standing => this.standing

  /** Find out whether this browser has a session. Without a network, whoever was signed in last may write on. */
  async begin(): Promise<void> {
    const known = remembered()
    if (known) this.change({ kind: 'in', user: known })
    const found = await this.refresh().catch(() => known !== null)
    if (!found && this.standing.kind === 'unknown') this.change({ kind: 'out' })
  }

  signedIn(access: string, user: User): void {
    this.access = access
    remember(user)
    this.change({ kind: 'in', user })
    this.others.postMessage('in')
  }

  renamed(user: User): void {
    remember(user)
    this.change({ kind: 'in', user })
  }

  async signOut(): Promise<void> {
    const response = await fetch('/api/v1/auth/logout', { method: 'POST' })
    // A session that is over already is as good as one that ends now.
    if (!response.ok && response.status !== 401) throw new Error(`not signed out: ${response.status}`)
    this.access = null
    remember(null)
    this.change({ kind: 'out' })
    this.others.postMessage('out')
  }

  /** Send with the access token; once it has expired, with the next one. */
  async send(request: Request): Promise<Response> {
    if (!this.access && this.user) await this.refresh()
    const again = request.clone()
    const response = await fetch(this.signed(request))
    if (response.status !== 401 || !this.user || request.url.includes('/auth/')) return response
    return (await this.refresh()) ? fetch(this.signed(again)) : response
  }

  get user(): User | null {
    return this.standing.kind === 'in' || this.standing.kind === 'expired' ? this.standing.user : null
  }

  private signed(request: Request): Request {
    if (this.access) request.headers.set('Authorization', `Bearer ${this.access}`)
    return request
  }

  /** Whether there is a session; rejects when nobody can tell. One at a time, in all windows together. */
  private refresh(): Promise<boolean> {
    const alone = () => this.renew()
    if (this.refreshing) return this.refreshing
    const begun = navigator.locks ? navigator.locks.request(LOCK, alone).then((renewed) => renewed) : alone()
    this.refreshing = begun.finally(() => {
      this.refreshing = null
    })
    return this.refreshing
  }

  private async renew(): Promise<boolean> {
    const signal = AbortSignal.timeout(PATIENCE_MS)
    const response = await fetch('/api/v1/auth/refresh', { method: 'POST', signal })
    if (response.status === 401 || response.status === 403) {
      this.access = null
      this.change(this.user ? { kind: 'expired', user: this.user } : { kind: 'out' })
      return false
    }
    if (!response.ok) throw new Error(`the session could not be renewed: ${response.status}`)
    this.access = (await response.json()).access_token
    const me = await fetch(this.signed(new Request('/api/v1/users/me', { signal })))
    if (me.ok) {
      const user = (await me.json()) as User
      remember(user)
      this.change({ kind: 'in', user })
    }
    return me.ok
  }

  private heard(word: string): void {
    if (word === 'out') this.access = null
    if (word === 'out') this.change({ kind: 'out' })
    else if (this.standing.kind !== 'in') void this.begin()
  }

  private change(standing: Standing): void {
    this.standing = standing
    for (const listener of this.listeners) listener()
  }
}

function remembered(): User | null {
  try {
    return JSON.parse(localStorage.getItem(REMEMBERED) ?? 'null')
  } catch {
    return null
  }
}

function remember(user: User | null): void {
  try {
    if (user) localStorage.setItem(REMEMBERED, JSON.stringify(pick(user)))
    else localStorage.removeItem(REMEMBERED)
  } catch {
    // Storage is off; then every window asks anew.
  }
}

function pick({ id, username, display_name, role }: User): User {
  return { id, username, display_name, ...(role ? { role } : {}) }
}

export const session = new Session()
