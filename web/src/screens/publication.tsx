/** What readers see, and what they would see; publishing, taking back, and the address. */
import { useState } from 'react'
import { api, ask, newKey } from '../api/client'
import { useMessages, useTimes } from '../i18n'
import { Button, Fault } from '../ui/parts'
import { Link } from '../ui/router'
import { settled } from '../words/desk'
import type { OwnProps } from './notebook'

export function Publication({ notebook, set }: OwnProps) {
  const t = useMessages()
  const [error, setError] = useState<unknown>(null)
  const [busy, setBusy] = useState(false)
  const params = () => ({ path: { notebook_id: notebook.id }, header: { 'Idempotency-Key': newKey() } })
  const change = async (how: () => Promise<typeof notebook>) => {
    setBusy(true)
    setError(null)
    await how().then(set, setError)
    setBusy(false)
  }
  const publish = async () => {
    // What was typed a moment ago belongs to it.
    if (!(await settled(notebook.pages.map(({ id }) => id)))) return setError(t.notAllSaved)
    return change(() => ask(api.POST('/api/v1/notebooks/{notebook_id}/publish', { params: params() })))
  }
  const unpublish = () => change(() => ask(api.POST('/api/v1/notebooks/{notebook_id}/unpublish', { params: params() })))
  const shown = notebook.status === 'published'
  return (
    <section className="card publication" aria-labelledby="readers">
      <h2 id="readers">{t.readersSee}</h2>
      <Seen notebook={notebook} />
      {shown && <Address id={notebook.id} />}
      <div className="row">
        <Button kind="primary" onClick={publish} disabled={busy || (shown && !notebook.has_unpublished_changes)}>
          {t.publish}
        </Button>
        {shown && (
          <Button onClick={unpublish} disabled={busy}>
            {t.unpublish}
          </Button>
        )}
      </div>
      <Fault error={error} />
    </section>
  )
}

function Seen({ notebook }: Pick<OwnProps, 'notebook'>) {
  const t = useMessages()
  const { ago } = useTimes()
  const now = [t.pages(notebook.page_count), t.words(notebook.word_count)] as const
  const isCurrent = notebook.status === 'published' && !notebook.has_unpublished_changes
  return (
    <div role="status">
      {notebook.status !== 'published' && <p>{t.readersNothing}</p>}
      {isCurrent && <p>{t.readersSeeAll(...now)}</p>}
      {!isCurrent && notebook.published_at && <p>{t.readersOld(ago(notebook.published_at))}</p>}
      {!isCurrent && <p>{t.readersWill(...now)}</p>}
    </div>
  )
}

function Address({ id }: { id: string }) {
  const t = useMessages()
  const [copied, setCopied] = useState(false)
  const address = `${location.origin}/read/${id}`
  const copy = () => navigator.clipboard?.writeText(address).then(() => setCopied(true))
  return (
    <p className="address">
      <span className="quiet">{t.address}</span>
      <Link href={`/read/${id}`}>{address}</Link>
      <Button onClick={copy}>{copied ? t.copied : t.copy}</Button>
    </p>
  )
}
