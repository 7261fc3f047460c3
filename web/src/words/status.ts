/** What the status region says; it must be true whatever happens next. */
import { isDirty, type State, type Trouble } from './way'

export type Status =
  | { kind: 'saved'; version: number }
  | { kind: 'saving' }
  | { kind: 'kept'; trouble: Trouble }
  /** Neither at the server nor on this device: the storage is full or forbidden. */
  | { kind: 'unkept'; trouble: Trouble | null }
  | { kind: 'elsewhere' }

export function statusOf(state: State): Status {
  const { draft, trouble } = state
  if (state.clash || state.behind) return { kind: 'elsewhere' }
  if (!isDirty(draft)) return { kind: 'saved', version: draft.base.version }
  if (state.unkept) return { kind: 'unkept', trouble }
  // Until it is kept, it is not said to be.
  if (!trouble || state.kept < draft.edit) return { kind: 'saving' }
  return { kind: 'kept', trouble }
}
