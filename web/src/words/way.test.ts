import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Keeper, STORAGE_PATIENCE_MS } from './keeper'
import { Server, Shelf, settle, Time, type Weather, Wire } from './model'
import { statusOf } from './status'
import { type Draft, KEEP_MS, LAST_RETRY_MS, type Outcome, type Pending, STORAGE_RETRY_MS, TYPING_MS } from './way'

let keys = 0

/** A writer at one page: types numbered words, and remembers which of them had time to be kept. */
class Writer {
  server = new Server()
  wire = new Wire(this.server)
  shelf = new Shelf()
  time = new Time()
  title = 'T'
  text = this.server.page.content
  promised: string[] = []
  /** Requests that left before they were kept. */
  early = 0
  /** Texts that were put into the editor while characters were being composed. */
  interrupted = 0
  private lastFull = -1
  private fresh: { word: string; at: number }[] = []
  keeper = this.open()

  open(): Keeper {
    const { version, etag, title, content } = this.server.page
    const clean: Draft = {
      ...{ id: 'd', owner: 'o', notebookId: 'n', pageId: 'p', title, content, edit: 0, saved: 0 },
      ...{ base: { version, etag }, owed: false, pending: null },
    }
    const draft = this.shelf.draft ?? clean
    this.text = draft.content.toString()
    this.title = draft.title
    return new Keeper(draft, this.shelf.draft ? draft.edit : -1, {
      network: { save: (draft, pending) => this.send(draft, pending) },
      storage: this.shelf,
      clock: this.time,
      key: () => `key ${++keys}`,
      place: ({ title, content }) => {
        if (this.keeper.state.composing) this.interrupted += 1
        this.title = title
        this.text = content.toString()
      },
      told: () => {},
    })
  }

  private send(draft: Draft, pending: Pending): Promise<Outcome> {
    if (!this.shelf.full && this.shelf.draft?.pending?.key !== pending.key) this.early += 1
    return this.wire.save(draft, pending)
  }

  type(word: string, atTheFront: boolean): void {
    this.text = atTheFront ? `${word} ${this.text}` : `${this.text} ${word}`
    this.fresh.push({ word, at: this.time.at })
    this.keeper.tell({ type: 'typed', title: this.title, content: this.text })
  }

  /** The window is gone without a goodbye; another one opens with what was kept. */
  async kill(): Promise<void> {
    this.keeper.close()
    const kept = this.fresh.filter(({ at }) => at > this.lastFull && this.time.at - at >= 2 * KEEP_MS)
    this.promised.push(...kept.map(({ word }) => word))
    this.fresh = []
    this.wire.forget()
    await settle()
    this.keeper = this.open()
  }

  fill(full: boolean): void {
    this.shelf.full = full
    // A refused draft is brought again after a while.
    this.lastFull = full ? Infinity : this.time.at + STORAGE_RETRY_MS
  }

  async heal(): Promise<void> {
    this.wire.weather = 'fair'
    this.fill(false)
    this.wire.release()
    this.promised.push(...this.fresh.map(({ word }) => word))
    this.keeper.tell({ type: 'composing', on: false })
    for (let i = 0; i < 8; i++) {
      this.keeper.tell({ type: 'retry' })
      await this.time.pass(LAST_RETRY_MS + TYPING_MS)
      if (this.keeper.state.clash) this.keeper.tell({ type: 'chose', which: i % 2 ? 'theirs' : 'mine' })
    }
  }

  /** Whether the server has it: in the page or in its history. */
  has(word: string): boolean {
    return this.server.history.some((text) => text.split(' ').includes(word))
  }
}

const weathers: Weather[] = [
  'fair',
  'request lost',
  'answer lost',
  'twice',
  'late twice',
  'error',
  'signed out',
  'silent',
]
const action = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('type' as const), front: fc.boolean() }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 12_000 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('weather' as const), weather: fc.constantFrom(...weathers) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('kill' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('save' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('retry' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('release' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('composing' as const), on: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('fill' as const), full: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('choose' as const), which: fc.constantFrom('mine', 'theirs') }) },
)
const others = fc.record({ do: fc.constant('other' as const), front: fc.boolean(), heard: fc.boolean() })
type Action =
  | (typeof action extends fc.Arbitrary<infer A> ? A : never)
  | (typeof others extends fc.Arbitrary<infer A> ? A : never)

async function act(writer: Writer, todo: Action, at: number): Promise<void> {
  const { keeper, wire, server } = writer
  switch (todo.do) {
    case 'type':
      return writer.type(`w${at}`, todo.front)
    case 'wait':
      return writer.time.pass(todo.ms)
    case 'weather':
      wire.weather = todo.weather
      return
    case 'kill':
      return writer.kill()
    case 'release':
      wire.release()
      return settle()
    case 'fill':
      return writer.fill(todo.full)
    case 'save':
    case 'retry':
      return keeper.tell({ type: todo.do })
    case 'composing':
      return keeper.tell({ type: 'composing', on: todo.on })
    case 'choose':
      return keeper.tell({ type: 'chose', which: todo.which as 'mine' | 'theirs' })
    case 'other':
      server.write((text) => (todo.front ? `o${at} ${text}` : `${text} o${at}`))
      if (todo.heard) keeper.tell({ type: 'elsewhere', page: server.page })
  }
}

/** What must be true at every moment. */
function checkAlways(writer: Writer): void {
  const { keeper, server, wire } = writer
  expect(writer.early, 'kept, then sent').toBe(0)
  expect(writer.interrupted, 'a composition is left alone').toBe(0)
  expect(wire.most, 'one request at a time').toBeLessThanOrEqual(1)
  const status = statusOf(keeper.state)
  if (status.kind === 'saved') {
    expect(server.versions[status.version - 1]?.content, 'Saved is true').toBe(writer.text)
  }
  if (status.kind === 'kept') expect(writer.shelf.draft?.content.toString(), 'Kept is true').toBe(writer.text)
  expect(keeper.state.draft.content.toString(), 'the editor shows the draft').toBe(writer.text)
}

async function live(actions: Action[], check: (writer: Writer) => void = () => {}): Promise<Writer> {
  const writer = new Writer()
  let at = 0
  for (const todo of actions) {
    await act(writer, todo, at++)
    await settle()
    checkAlways(writer)
    check(writer)
  }
  await writer.heal()
  checkAlways(writer)
  return writer
}

/** Typed between the choice of theirs and the server's answer. */
const typedOnceTheirsWasChosen: Action[] = [
  { do: 'type', front: false },
  { do: 'other', front: false, heard: false },
  { do: 'wait', ms: 1000 },
  { do: 'type', front: false },
  { do: 'weather', weather: 'answer lost' },
  { do: 'choose', which: 'theirs' },
  { do: 'type', front: false },
]

describe('no typed word is lost', () => {
  it('by crashes, lost, late and doubled messages, and other writers', async () => {
    const some = fc.array(fc.oneof({ weight: 8, arbitrary: action }, { weight: 2, arbitrary: others }), {
      maxLength: 60,
    })
    await fc.assert(
      fc.asyncProperty(some, async (actions) => {
        const writer = await live(actions)
        expect(writer.promised.filter((word) => !writer.has(word))).toEqual([])
        expect(statusOf(writer.keeper.state).kind).toBe('saved')
        for (const [at, todo] of actions.entries()) if (todo.do === 'other') expect(writer.has(`o${at}`)).toBe(true)
      }),
      { numRuns: 1500, examples: [[typedOnceTheirsWasChosen]] },
    )
  }, 60_000)

  it('and alone, the page ends as exactly what was typed', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          action.filter((each) => each.do !== 'fill'),
          { maxLength: 60 },
        ),
        async (actions) => {
          const writer = await live(actions, ({ keeper }) => expect(statusOf(keeper.state).kind).not.toBe('elsewhere'))
          expect(writer.server.page.content).toBe(writer.text)
          expect(writer.keeper.state.merges).toBe(0)
        },
      ),
      { numRuns: 1500 },
    )
  }, 60_000)
})

describe('a clash', () => {
  async function clashing(): Promise<Writer> {
    const writer = new Writer()
    writer.server.write((text) => `${text} theirs`)
    writer.type('mine', false)
    await writer.time.pass(2000)
    expect(statusOf(writer.keeper.state)).toEqual({ kind: 'elsewhere' })
    expect(writer.keeper.state.clash?.current.content).toBe('begin theirs')
    return writer
  }

  it('sends nothing before the writer has chosen', async () => {
    const writer = await clashing()
    const { length } = writer.server.history
    writer.type('more', false)
    await writer.time.pass(60_000)
    expect(writer.server.history).toHaveLength(length)
    expect(writer.shelf.draft?.content.toString()).toBe('begin mine more')
  })

  it('ends with mine, and theirs is in the history', async () => {
    const writer = await clashing()
    writer.keeper.tell({ type: 'chose', which: 'mine' })
    await writer.time.pass(2000)
    expect(writer.server.page.content).toBe('begin mine')
    expect(writer.has('theirs')).toBe(true)
  })

  it('ends with theirs, and all of mine is in the history', async () => {
    const writer = await clashing()
    writer.type('later', false)
    writer.keeper.tell({ type: 'chose', which: 'theirs' })
    await writer.time.pass(2000)
    expect(writer.text).toBe('begin theirs')
    expect(writer.has('later')).toBe(true)
    expect(statusOf(writer.keeper.state)).toEqual({ kind: 'saved', version: 2 })
  })

  it('puts theirs in only when nothing is being composed', async () => {
    const writer = await clashing()
    writer.keeper.tell({ type: 'composing', on: true })
    writer.keeper.tell({ type: 'chose', which: 'theirs' })
    await writer.time.pass(2000)
    expect(writer.text).toBe('begin mine')
    writer.type('composed', false)
    writer.keeper.tell({ type: 'composing', on: false })
    await writer.time.pass(2000)
    expect(writer.text).toBe('begin theirs')
    expect(writer.has('composed')).toBe(true)
  })

  it('is over when theirs was written by hand', async () => {
    const writer = await clashing()
    writer.text = 'begin theirs'
    writer.keeper.tell({ type: 'typed', title: writer.title, content: writer.text })
    writer.keeper.tell({ type: 'chose', which: 'theirs' })
    await writer.time.pass(2000)
    expect(writer.keeper.state.clash).toBe(null)
    expect(statusOf(writer.keeper.state)).toEqual({ kind: 'saved', version: 2 })
  })
})

describe('the pace', () => {
  it('is a save after a second of rest, and one every ten seconds of typing', async () => {
    const writer = new Writer()
    for (let i = 0; i < 50; i++) {
      writer.type(`w${i}`, false)
      await writer.time.pass(500)
    }
    expect(writer.server.versions).toHaveLength(3)
    await writer.time.pass(1000)
    expect(writer.server.versions).toHaveLength(4)
  })

  it('says Saved only when the server has answered', async () => {
    const writer = new Writer()
    writer.wire.weather = 'silent'
    writer.type('word', false)
    await writer.time.pass(5000)
    expect(statusOf(writer.keeper.state)).toEqual({ kind: 'saving' })
    writer.wire.release()
    await writer.time.pass(0)
    expect(statusOf(writer.keeper.state)).toEqual({ kind: 'saved', version: 2 })
  })

  it('keeps and says why, when the network is gone', async () => {
    const writer = new Writer()
    writer.wire.weather = 'request lost'
    writer.type('word', false)
    await writer.time.pass(1500)
    expect(statusOf(writer.keeper.state)).toEqual({ kind: 'kept', trouble: { kind: 'away', why: 'offline' } })
  })

  it('saves all the same when the storage never answers', async () => {
    const writer = new Writer()
    writer.shelf.silent = true
    writer.type('word', false)
    await writer.time.pass(2 * STORAGE_PATIENCE_MS + 1500)
    expect(writer.server.page.content).toBe('begin word')
  })

  it('repeats the very same request until it is answered', async () => {
    const writer = new Writer()
    writer.wire.weather = 'answer lost'
    writer.type('one', false)
    await writer.time.pass(1500)
    writer.type('two', false)
    await writer.time.pass(900)
    await writer.kill()
    writer.wire.weather = 'fair'
    await writer.time.pass(5000)
    expect(writer.server.versions.map(({ content }) => content)).toEqual(['begin', 'begin one', 'begin one two'])
  })
})
