/** The pages that are being written in this window. One that is left stays open until the server has all of it. */
import { newKey } from '../api/client'
import { session } from '../api/session'
import * as drafts from './drafts'
import { Keeper } from './keeper'
import { load, save } from './network'
import { type Draft, isDirty, type State, type Theirs } from './way'

export interface Viewer {
  place(text: { title: string; content: string }): void
  told(state: State): void
}

const clock = {
  now: () => performance.now(),
  after(ms: number, call: () => void) {
    const timer = setTimeout(call, ms)
    return () => clearTimeout(timer)
  },
}

const open = new Map<string, OpenPage>()
const windows = new BroadcastChannel('sinpluma.pages')

export class OpenPage {
  readonly keeper: Keeper
  private viewer: Viewer | null = null
  private version: number

  constructor(
    draft: Draft,
    kept: number,
    private readonly letGo: () => void,
    /** Someone is about to look at it: until then it does not end. */
    private awaited: boolean,
  ) {
    this.version = draft.base.version
    const place = (placed: Draft) => this.viewer?.place({ title: placed.title, content: placed.content.toString() })
    const told = (state: State) => this.told(state)
    this.keeper = new Keeper(draft, kept, { network: { save }, storage: drafts, clock, key: newKey, place, told })
  }

  get draft(): Draft {
    return this.keeper.state.draft
  }

  look(viewer: Viewer): () => void {
    this.viewer = viewer
    this.awaited = false
    // What it was refused for may be mended: the page is out of the trash again.
    if (this.keeper.state.trouble?.kind === 'refused') this.keeper.tell({ type: 'retry' })
    return () => {
      this.viewer = null
      this.keeper.flush()
      this.leave()
    }
  }

  /** Ask the server whether the page has changed. Without an answer nothing happens. */
  async check(): Promise<void> {
    await load(this.draft).then(
      (page) => this.keeper.tell({ type: 'elsewhere', page }),
      () => {},
    )
  }

  private told(state: State): void {
    const { version } = state.draft.base
    if (version !== this.version) windows.postMessage({ pageId: state.draft.pageId, version })
    this.version = version
    this.viewer?.told(state)
    // What nobody looks at can't be asked about: theirs stays, and mine is in the history.
    if (!this.viewer && !this.awaited && state.clash && !state.yielding) {
      queueMicrotask(() => this.keeper.tell({ type: 'chose', which: 'theirs' }))
    }
    this.leave()
  }

  private leave(): void {
    const { draft, kept, storing } = this.keeper?.state ?? {}
    if (this.viewer || this.awaited || !draft || isDirty(draft) || storing || kept !== draft.edit) return
    this.keeper.close()
    if (open.get(draft.pageId) === this) open.delete(draft.pageId)
    this.letGo()
  }
}

/** The page with what was typed on this device before, as far as the server has not got it.
 * @throws {Failure} the page can't be loaded, and there is no copy of it here. */
export async function openPage(owner: string, notebookId: string, pageId: string): Promise<OpenPage> {
  const already = open.get(pageId)
  if (already) return already
  const { dirty, clean } = await ownedDrafts(owner, pageId)
  const [main, ...rest] = dirty
  for (const other of rest) new OpenPage(other.draft, other.draft.edit, other.letGo, false)
  const found = main
    ? new OpenPage(main.draft, main.draft.edit, main.letGo, true)
    : await fresh(owner, notebookId, pageId, clean)
  open.set(pageId, found)
  if (main) void found.check()
  return found
}

async function fresh(owner: string, notebookId: string, pageId: string, copy: Draft | undefined): Promise<OpenPage> {
  const id = newKey()
  const letGo = (await drafts.claim(id)) ?? (() => {})
  const begin = (page: Theirs) => {
    const { title, content, version, etag } = page
    const draft = { id, owner, notebookId, pageId, title, content, edit: 0, saved: 0, base: { version, etag } }
    return new OpenPage({ ...draft, owed: false, pending: null }, -1, letGo, true)
  }
  try {
    return begin(await load({ notebookId, pageId }))
  } catch (error) {
    letGo()
    const status = (error as { status?: number }).status ?? 0
    if (!copy || (status > 0 && status < 500)) throw error
    return begin({ title: copy.title, content: copy.content.toString(), ...copy.base })
  }
}

interface Owned {
  draft: Draft
  letGo: () => void
}

/** The drafts of this page that no other window is writing: the unsent ones, and the newest copy of a sent one. */
async function ownedDrafts(owner: string, pageId: string): Promise<{ dirty: Owned[]; clean?: Draft }> {
  const found = await drafts.ofPage(owner, pageId).catch(() => [])
  const dirty: Owned[] = []
  for (const draft of found.filter(isDirty)) {
    const letGo = await drafts.claim(draft.id, true)
    if (letGo) dirty.push({ draft, letGo })
  }
  const [clean, ...old] = found.filter((draft) => !isDirty(draft))
  for (const { id } of old) void free(id)
  return clean ? { dirty, clean } : { dirty }
}

/** Forget a copy that nobody needs, unless another window is at it. */
async function free(id: string): Promise<void> {
  const letGo = await drafts.claim(id)
  if (letGo) await drafts.remove(id).finally(letGo)
}

/** Send what windows that are gone have left. */
export async function rescue(owner: string): Promise<void> {
  for (const draft of await drafts.unsent(owner).catch(() => [])) {
    if (open.has(draft.pageId)) continue
    const letGo = await drafts.claim(draft.id)
    if (letGo) open.set(draft.pageId, new OpenPage(draft, draft.edit, letGo, false))
  }
}

/** Wait until the server has all of these pages, for `ms` at most; whether it has. */
export async function settled(pageIds: string[], ms = 8000): Promise<boolean> {
  const waiting = () => pageIds.filter((id) => open.has(id) && isDirty((open.get(id) as OpenPage).draft))
  for (const id of waiting()) open.get(id)?.keeper.flush()
  for (const end = performance.now() + ms; waiting().length && performance.now() < end; ) {
    await new Promise((go) => setTimeout(go, 50))
  }
  return waiting().length === 0
}

function each(call: (page: OpenPage) => void): void {
  for (const page of [...open.values()]) call(page)
}

/** Begin to listen: to the network, to the other windows, and to this one's end. */
export function watch(): void {
  addEventListener('online', () => each((page) => page.keeper.tell({ type: 'retry' })))
  addEventListener('beforeunload', (event) => {
    // Only what is neither kept nor saved is worth a question.
    if ([...open.values()].some(({ draft, keeper }) => keeper.state.unkept && isDirty(draft))) event.preventDefault()
  })
  addEventListener('pagehide', () => each((page) => page.keeper.flush()))
  document.addEventListener('visibilitychange', () => {
    each((page) => (document.hidden ? page.keeper.flush() : void page.check()))
  })
  windows.onmessage = ({ data }) => {
    const page = open.get(data.pageId)
    if (page && page.draft.base.version < data.version) void page.check()
  }
  let user: string | null = null
  session.listen(() => {
    if (session.standing.kind !== 'in') return
    each((page) => page.draft.owner === session.user?.id && page.keeper.tell({ type: 'retry' }))
    if (user !== session.standing.user.id) void rescue(session.standing.user.id)
    user = session.standing.user.id
  })
}
