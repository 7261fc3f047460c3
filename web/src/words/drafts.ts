/** Drafts in IndexedDB, each owned by the window that writes it. */
import { type DBSchema, type IDBPDatabase, openDB } from 'idb'
import { type Draft, isDirty, type Pending } from './way'

interface Record extends Omit<Draft, 'content' | 'pending'> {
  content: string
  pending: (Omit<Pending, 'content'> & { content: string }) | null
  /** Tells which of several was written last; only for the order in which they are looked at. */
  at: number
}

interface Schema extends DBSchema {
  drafts: { key: string; value: Record; indexes: { page: [string, string]; owner: string } }
}

/** Pages that can be read again without a network. */
const MOST_CLEAN = 30
const WAIT_FOR_RELOAD_MS = 400

let opening: Promise<IDBPDatabase<Schema>> | null = null

function database(): Promise<IDBPDatabase<Schema>> {
  opening ??= openDB<Schema>('sinpluma', 1, {
    upgrade(db) {
      const drafts = db.createObjectStore('drafts', { keyPath: 'id' })
      drafts.createIndex('page', ['owner', 'pageId'])
      drafts.createIndex('owner', 'owner')
    },
    terminated() {
      opening = null
    },
  }).catch((error) => {
    opening = null
    throw error
  })
  return opening
}

export async function put(draft: Draft): Promise<void> {
  const pending = draft.pending && { ...draft.pending, content: draft.pending.content.toString() }
  const record = { ...draft, content: draft.content.toString(), pending, at: Date.now() }
  const db = await database()
  const change = db.transaction('drafts', 'readwrite', { durability: 'strict' })
  await Promise.all([change.store.put(record), change.done])
}

export async function remove(id: string): Promise<void> {
  await (await database()).delete('drafts', id)
}

/** All drafts of a page, the last written first. */
export async function ofPage(owner: string, pageId: string): Promise<Record[]> {
  const found = await (await database()).getAllFromIndex('drafts', 'page', [owner, pageId])
  return found.sort((one, other) => other.at - one.at)
}

/** What was left unsent, of all pages; and old copies of what was sent are let go. */
export async function unsent(owner: string): Promise<Record[]> {
  const all = (await (await database()).getAllFromIndex('drafts', 'owner', owner)).sort((a, b) => b.at - a.at)
  const clean = all.filter((draft) => !isDirty(draft))
  await Promise.all(clean.slice(MOST_CLEAN).map(({ id }) => remove(id)))
  return all.filter(isDirty)
}

/** Make a draft one's own, as long as this window lives; null when it is another window's. The promise that is answered
 * gives it up again. */
export async function claim(id: string, patient = false): Promise<(() => void) | null> {
  if (!navigator.locks) return () => {}
  return new Promise((resolve) => {
    const held = (lock: Lock | null) => {
      if (!lock) return resolve(null)
      return new Promise<void>((letGo) => resolve(letGo))
    }
    // A window that is being loaded again lets go of its locks a moment after the new one asks.
    const how = patient ? { signal: AbortSignal.timeout(WAIT_FOR_RELOAD_MS) } : { ifAvailable: true }
    navigator.locks.request(`sinpluma.draft.${id}`, how, held).catch(() => resolve(null))
  })
}
