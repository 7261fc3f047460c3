/**
 * The way of a typed word, from the key to the server: a state machine without a browser, a network or a clock.
 *
 * `step` takes what is known and what has just happened, and says what is known now and what has to be done. Whoever
 * carries that out (`keeper.ts`) tells it back as the next happening. Three rules keep every word:
 *
 * 1. What was typed is kept on this device within `KEEP_MS`, whatever else goes on.
 * 2. A request is kept with its key before it leaves, and is repeated with that key and that very body until its fate is
 *    known: after a crash, too. One request at a time.
 * 3. Text leaves the device's keeping only for newer text, or once the server has it: as the page, or in its history.
 */

import type { Base, Draft, Effect, Happening, Outcome, Pending, State, Theirs, Words } from './states'

export type * from './states'

export const KEEP_MS = 400
export const REST_MS = 1000
export const TYPING_MS = 10_000
export const FIRST_RETRY_MS = 1000
export const LAST_RETRY_MS = 30_000
export const STORAGE_RETRY_MS = 5000

type Step = [State, Effect[]]

export function begin(draft: Draft, kept: number, now: number): State {
  const owing = isDirty(draft)
  return {
    draft,
    kept,
    storing: false,
    unkept: false,
    sending: 'nothing',
    keepAt: kept < draft.edit ? now : null,
    sendAt: owing ? now : null,
    since: null,
    tries: 0,
    trouble: null,
    behind: false,
    clash: null,
    yielding: false,
    composing: false,
    waiting: null,
    merges: 0,
  }
}

/** Whether there is anything that the server is not known to have. */
export function isDirty(draft: Draft): boolean {
  return draft.pending !== null || draft.edit !== draft.saved || draft.owed
}

/** The next moment at which something is due, null when nothing is. */
export function nextTick(state: State): number | null {
  const times = [state.storing ? null : state.keepAt, maySend(state) ? state.sendAt : null]
  const due = times.filter((time) => time !== null)
  return due.length ? Math.min(...due) : null
}

/** `key` makes an Idempotency-Key that was never used; `now` is in milliseconds and never goes back. */
export function step(state: State, happened: Happening, now: number, key: () => string): Step {
  const [next, effects] = react(state, happened, now)
  const [after, more] = due(next, now, key)
  return [after, [...effects, ...more]]
}

function react(state: State, happened: Happening, now: number): Step {
  switch (happened.type) {
    case 'typed':
      return [typed(state, happened.title, happened.content, now), []]
    case 'save':
      return [{ ...changed(state, { owed: true }, now), sendAt: now }, []]
    case 'tick':
      return [state, []]
    case 'kept':
      return leaving({ ...state, storing: false, unkept: false, kept: happened.draft.edit }, happened.draft)
    case 'unkept': {
      // Sent all the same: then it is safe at the server at least.
      const keepAt = state.keepAt ?? (isDirty(state.draft) ? now + STORAGE_RETRY_MS : null)
      return leaving({ ...state, storing: false, unkept: true, keepAt }, happened.draft)
    }
    case 'answered':
      return answered({ ...state, sending: 'nothing' }, happened.outcome, now)
    case 'composing':
      return composing(state, happened.on, now)
    case 'retry':
      return [{ ...state, tries: 0, trouble: null, sendAt: isDirty(state.draft) ? now : null }, []]
    case 'elsewhere':
      return elsewhere(state, happened.page, now)
    case 'chose':
      return chose(state, happened.which, now)
  }
}

function typed(state: State, title: string, content: Words, now: number): State {
  const since = state.since ?? now
  const waiting = state.trouble?.kind === 'away' && state.draft.pending ? state.sendAt : null
  const sendAt = waiting ?? Math.min(now + REST_MS, since + TYPING_MS)
  const trouble = state.trouble?.kind === 'refused' ? null : state.trouble
  return { ...changed(state, { title, content, edit: state.draft.edit + 1 }, now), since, sendAt, trouble }
}

/** The state with a changed draft, which will be kept soon. */
function changed(state: State, change: Partial<Draft>, now: number): State {
  return { ...state, draft: { ...state.draft, ...change }, keepAt: state.keepAt ?? now + KEEP_MS }
}

function maySend(state: State): boolean {
  if (state.sending !== 'nothing' || state.trouble?.kind === 'signed-out') return false
  if (state.clash && !state.yielding) return false
  // Its answer may have to go into the text, which has to wait while characters are being composed.
  return !(state.behind && state.composing)
}

/** Carry out what is due by now: keeping, and sending what has been kept. */
function due(state: State, now: number, key: () => string): Step {
  let next = state
  if (next.sendAt !== null && next.sendAt <= now && maySend(next)) next = toSend(next, key)
  if (next.storing || next.keepAt === null || next.keepAt > now) return [next, []]
  return [{ ...next, storing: true, keepAt: null }, [{ do: 'keep', draft: next.draft }]]
}

/** Make the request that is due, or take the one whose fate is unknown. It leaves once it has been kept. */
function toSend(state: State, key: () => string): State {
  const { draft } = state
  if (!isDirty(draft)) return { ...state, sendAt: null, since: null }
  const pending = draft.pending ?? {
    key: key(),
    edit: draft.edit,
    title: draft.title,
    content: draft.content,
    etag: draft.base.etag,
    autosave: !draft.owed,
  }
  const owed = draft.pending ? draft.owed : false
  const kept = { ...draft, pending, owed }
  return { ...state, draft: kept, sending: 'keeping', sendAt: null, since: null, keepAt: -Infinity }
}

/** The request leaves once the draft that holds it has been through the storage. */
function leaving(state: State, draft: Draft): Step {
  const pending = state.draft.pending
  if (state.sending !== 'keeping' || !pending || draft.pending?.key !== pending.key) return [state, []]
  return [{ ...state, sending: 'left' }, [{ do: 'send', draft, pending }]]
}

function answered(state: State, outcome: Outcome, now: number): Step {
  const pending = state.draft.pending
  if (!pending) return [state, []]
  switch (outcome.kind) {
    case 'saved':
      return [settled(state, pending, outcome, now), []]
    case 'stale':
      return stale(state, pending, outcome, now)
    case 'away': {
      const pause = Math.min(FIRST_RETRY_MS * 2 ** state.tries, LAST_RETRY_MS)
      const sendAt = now + Math.max(pause, outcome.afterMs ?? 0)
      return [{ ...state, trouble: outcome, tries: state.tries + 1, sendAt }, []]
    }
    case 'signed-out':
      return [{ ...state, trouble: outcome, sendAt: now }, []]
    case 'refused': {
      const left = changed(state, { pending: null }, now)
      return [{ ...left, trouble: outcome, sendAt: null, yielding: false }, []]
    }
  }
}

function settled(state: State, pending: Pending, base: Base, now: number): State {
  const { version, etag } = base
  const next = changed(state, { pending: null, saved: pending.edit, base: { version, etag } }, now)
  const sendAt = isDirty(next.draft) ? (state.sendAt ?? now) : null
  return { ...next, tries: 0, trouble: null, behind: false, clash: null, yielding: false, sendAt }
}

function stale(state: State, pending: Pending, answer: Outcome & { kind: 'stale' }, now: number): Step {
  const { current, merged } = answer
  if (current.title === pending.title && current.content === pending.content.toString()) {
    return [settled(state, pending, current, now), []]
  }
  const owed = state.draft.owed || !pending.autosave
  const free = { ...changed(state, { pending: null, owed }, now), tries: 0, trouble: null }
  if (!merged && !state.yielding) return [{ ...free, behind: true, clash: { current, refused: pending.edit } }, []]
  // What was typed meanwhile goes to the server, too, in another save on the same base: to be merged, or to lie in the
  // history before it gives way to theirs.
  const moved = state.draft.edit !== pending.edit || state.composing
  if (moved) return [{ ...free, behind: true, sendAt: now + (state.yielding ? 0 : REST_MS) }, []]
  return adopt(free, merged && !state.yielding ? merged : current, current, now)
}

/** Take a text that came from the server into the editor; what the server does not have of it is sent. */
function adopt(state: State, text: { title: string; content: string }, base: Theirs, now: number): Step {
  const { title, content } = text
  const same = title === base.title && content === base.content
  const edit = state.draft.edit + 1
  const draft = {
    title,
    content,
    edit,
    saved: same ? edit : edit - 1,
    base: { version: base.version, etag: base.etag },
  }
  const next = changed(state, same ? { ...draft, owed: false } : draft, now)
  const free = { ...next, behind: false, clash: null, yielding: false, merges: state.merges + 1 }
  return [{ ...free, sendAt: same ? null : now }, [{ do: 'place', draft: next.draft }]]
}

/** Someone else, or another window, has saved the page. Who has typed nothing sees it; else the next save finds out. */
function elsewhere(state: State, page: Theirs, now: number): Step {
  if (page.version <= state.draft.base.version || state.clash) return [state, []]
  if (isDirty(state.draft)) return [{ ...state, behind: state.sending === 'nothing' }, []]
  return state.composing ? [{ ...state, behind: true, waiting: page }, []] : adopt(state, page, page, now)
}

function composing(state: State, on: boolean, now: number): Step {
  const next = { ...state, composing: on, waiting: on ? state.waiting : null }
  return !on && state.waiting ? elsewhere(next, state.waiting, now) : [next, []]
}

function chose(state: State, which: 'mine' | 'theirs', now: number): Step {
  const { clash, draft } = state
  if (!clash) return [state, []]
  if (which === 'theirs') {
    if (draft.edit === clash.refused && !state.composing) return adopt(state, clash.current, clash.current, now)
    return [{ ...state, yielding: true, sendAt: now }, []]
  }
  const { version, etag } = clash.current
  const next = changed(state, { base: { version, etag }, owed: true, saved: draft.edit - 1 }, now)
  return [{ ...next, clash: null, behind: false, sendAt: now }, []]
}
