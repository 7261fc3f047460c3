/** What became of the words: always the truth. */
import { type Messages, useMessages } from '../i18n'
import { type Status, statusOf } from '../words/status'
import type { State, Trouble } from '../words/way'

function why(trouble: Trouble, t: Messages): string {
  if (trouble.kind === 'signed-out') return t.whySignedOut
  const known = {
    offline: t.whyOffline,
    server: t.whyServer,
    busy: t.whyBusy,
    gone: t.whyGone,
    forbidden: t.whyForbidden,
    quota: t.whyQuota,
    long: t.whyLong,
    invalid: t.whyInvalid,
  }
  return known[trouble.why]
}

export function sayStatus(status: Status, t: Messages): string {
  switch (status.kind) {
    case 'saved':
      return t.statusSaved(status.version)
    case 'saving':
      return t.statusSaving
    case 'elsewhere':
      return t.statusElsewhere
    case 'kept':
      return t.statusKept(why(status.trouble, t))
    case 'unkept':
      return t.statusUnkept(status.trouble ? `${why(status.trouble, t)}; ${t.whyStorage}` : t.whyStorage)
  }
}

export function StatusRegion({ state }: { state: State }) {
  const t = useMessages()
  const status = statusOf(state)
  return (
    <p role="status" className={`status ${status.kind}`}>
      {sayStatus(status, t)}
    </p>
  )
}
