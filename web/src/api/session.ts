/** Who is signed in. The access token lives in this window's memory; what lasts is a cookie that no script can read. */
import { recall, retain } from '../ui/stored'
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
  /** Only where the browser refuses the cookie; it ends with this window. */
  private refreshToken: string | null = null
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

  signedIn(access: string, user: User, refreshToken: string | null): void {
    this.access = access
    this.refreshToken = refreshToken
    remember(user)
    this.change({ kind: 'in', user })
    this.others.postMessage('in')
  }

  renamed(user: User): void {
    remember(user)
    this.change({ kind: 'in', user })
  }

  async signOut(): Promise<void> {
    const request = new Request('/api/v1/auth/logout', { method: 'POST' })
    const response = await fetch(this.refreshToken ? this.signed(request) : request)
    // A session that is over already is as good as one that ends now.
    if (!response.ok && response.status !== 401) throw new Error(`not signed out: ${response.status}`)
    this.access = this.refreshToken = null
    remember(null)
    this.change({ kind: 'out' })
    this.others.postMessage('out')
  }

  /** Send with the access token; once it has expired, with the next one. */
  async send(request: Request): Promise<Response> {
    if (/\/auth\/(login|register)$/.test(request.url) || !this.user) return fetch(this.signed(request))
    // Without a token one's own pages are not there: what is said then is that the session is over.
    if (!this.access && !(await this.refresh())) return sessionOver()
    const again = request.clone()
    const response = await fetch(this.signed(request))
    if (response.status !== 401) return response
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
    this.refreshing ??= alone(() => this.renew()).finally(() => {
      this.refreshing = null
    })
    return this.refreshing
  }

  private async renew(): Promise<boolean> {
    const signal = AbortSignal.timeout(PATIENCE_MS)
    const bearer = this.refreshToken && { headers: { Authorization: `Bearer ${this.refreshToken}` } }
    const response = await fetch('/api/v1/auth/refresh', { method: 'POST', signal, ...bearer })
    const isOurs = (response.headers.get('Content-Type') ?? '').includes('json')
    if (isOurs && (response.status === 401 || response.status === 403)) {
      this.access = null
      this.change(this.user ? { kind: 'expired', user: this.user } : { kind: 'out' })
      return false
    }
    if (!response.ok) throw new Error(`the session could not be renewed: ${response.status}`)
    const { access_token, refresh_token } = await response.json()
    this.access = access_token
    if (this.refreshToken) this.refreshToken = refresh_token
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

function sessionOver(): Response {
  return new Response('{}', { status: 401, headers: { 'Content-Type': 'application/problem+json' } })
}

/** Run it while no other window does; where cookies are switched off there are no locks either. */
async function alone(run: () => Promise<boolean>): Promise<boolean> {
  if (!navigator.locks) return run()
  let ran: Promise<boolean> | null = null
  const held = () => {
    ran = run()
    return ran
  }
  try {
    return await navigator.locks.request(LOCK, held)
  } catch (error) {
    if (ran) throw error
    return run()
  }
}

function remembered(): User | null {
  try {
    return JSON.parse(recall(REMEMBERED) ?? 'null')
  } catch {
    return null
  }
}

function remember(user: User | null): void {
  retain(REMEMBERED, user && JSON.stringify(pick(user)))
}

function pick({ id, username, display_name, role }: User): User {
  return { id, username, display_name, ...(role ? { role } : {}) }
}

export const session = new Session()
