/** What is known of a page that is being written, what may happen to it, and what then has to be done; see `way.ts`. */

/** Anything with a cheap text: the editor's document is turned into a string only where it has to be one. */
export interface Words {
  toString(): string
}

/** The version of the page on the server that an edit is made on. */
export interface Base {
  version: number
  etag: string
}

/** A save whose fate is not known yet. */
export interface Pending {
  key: string
  edit: number
  title: string
  content: Words
  etag: string
  autosave: boolean
}

/** What is kept on this device of one page in one window. */
export interface Draft {
  id: string
  owner: string
  notebookId: string
  pageId: string
  title: string
  content: Words
  /** Counts the changes in this draft. */
  edit: number
  /** The change that the server is known to have. */
  saved: number
  base: Base
  /** A save that the writer asked for is still owed. */
  owed: boolean
  pending: Pending | null
}

/** The page as the server has it. */
export interface Theirs {
  title: string
  content: string
  version: number
  etag: string
}

export type Outcome =
  | { kind: 'saved'; version: number; etag: string }
  | { kind: 'stale'; current: Theirs; merged: { title: string; content: string } | null }
  /** Nothing was done, or nobody knows: the same request has to be sent again, `afterMs` at the earliest. */
  | { kind: 'away'; why: 'offline' | 'server' | 'busy'; afterMs?: number }
  | { kind: 'signed-out' }
  | { kind: 'refused'; why: 'gone' | 'forbidden' | 'quota' | 'long' | 'invalid'; detail: string }

export type Trouble = Exclude<Outcome, { kind: 'saved' } | { kind: 'stale' }>

export interface State {
  draft: Draft
  /** The change that lies in this device's storage, -1 when none does. */
  kept: number
  storing: boolean
  /** The storage refused the last time. */
  unkept: boolean
  /** A request is kept first, then it leaves. */
  sending: 'nothing' | 'keeping' | 'left'
  keepAt: number | null
  sendAt: number | null
  /** When the typing began that has not been sent. */
  since: number | null
  tries: number
  trouble: Trouble | null
  /** The server has what this draft was not made on; the next save will tell whether it can be merged. */
  behind: boolean
  /** Both texts, for the writer to choose; `refused` is the change that lies in the server's history. */
  clash: { current: Theirs; refused: number } | null
  /** The writer took theirs; what was typed after the refused save goes into the history first. */
  yielding: boolean
  composing: boolean
  /** What came from elsewhere while characters were being composed. */
  waiting: Theirs | null
  /** How often text of others came in. */
  merges: number
}

export type Happening =
  | { type: 'typed'; title: string; content: Words }
  | { type: 'save' }
  | { type: 'tick' }
  /** The storage has (or has not) taken this draft. */
  | { type: 'kept' | 'unkept'; draft: Draft }
  | { type: 'answered'; outcome: Outcome }
  | { type: 'composing'; on: boolean }
  | { type: 'retry' }
  | { type: 'elsewhere'; page: Theirs }
  | { type: 'chose'; which: 'mine' | 'theirs' }

export type Effect =
  | { do: 'keep'; draft: Draft }
  | { do: 'send'; draft: Draft; pending: Pending }
  /** The editor's text has to become this one. */
  | { do: 'place'; draft: Draft }
