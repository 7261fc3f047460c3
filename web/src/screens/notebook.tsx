/** One notebook of one's own: its name, its pages in their order, and what readers see of it. */
import { lazy, useEffect, useRef, useState } from 'react'
import { api, ask, type NotebookWithPages, newKey } from '../api/client'
import { explain, useMessages } from '../i18n'
import { useLoaded, useStanding, useTitle } from '../ui/hooks'
import { Button, Problem } from '../ui/parts'
import { navigate, useQuery } from '../ui/router'
import { PageList } from './pages'
import { Publication } from './publication'

const Reading = lazy(() => import('./reading'))

export default function NotebookScreen({ id }: { id: string }) {
  const standing = useStanding()
  const path = { notebook_id: id }
  const loaded = useLoaded(id, () => ask(api.GET('/api/v1/notebooks/{notebook_id}', { params: { path } })))
  const { data: notebook } = loaded
  useTitle(notebook?.title ?? '')
  useEffect(() => {
    const look = () => document.hidden || loaded.reload()
    document.addEventListener('visibilitychange', look)
    return () => document.removeEventListener('visibilitychange', look)
  }, [loaded.reload])
  if (!notebook) {
    return (
      <main id="main" className="column" aria-busy={!loaded.error}>
        <Problem error={loaded.error} retry={loaded.reload} />
      </main>
    )
  }
  const mine = standing.kind !== 'out' && standing.kind !== 'unknown' && standing.user.id === notebook.owner.id
  return mine ? <Own notebook={notebook} set={loaded.set} reload={loaded.reload} /> : <Reading notebookId={id} />
}

export interface OwnProps {
  notebook: NotebookWithPages
  set: (notebook: NotebookWithPages) => void
  reload: () => void
}

function Own({ notebook, set, reload }: OwnProps) {
  const t = useMessages()
  // A new page opens in a moment: what is typed now is its title, and not this notebook's.
  const [adding, setAdding] = useState(false)
  return (
    <main id="main" className="column">
      <Names notebook={notebook} set={set} still={adding} />
      <p className="quiet">
        {t.pages(notebook.page_count)} · {t.words(notebook.word_count)}
      </p>
      <PageList notebook={notebook} set={set} reload={reload} adding={adding} setAdding={setAdding} />
      <Publication notebook={notebook} set={set} reload={reload} />
      <Remove notebook={notebook} />
    </main>
  )
}

/** Title and description save themselves when they are left, or after a rest. */
function Names({ notebook, set, still }: Omit<OwnProps, 'reload'> & { still: boolean }) {
  const t = useMessages()
  const fresh = useQuery().has('new')
  const titled = useRef<HTMLInputElement>(null)
  useEffect(() => {
    if (!fresh) return
    titled.current?.select()
    navigate(location.pathname, 'replace')
  }, [fresh])
  const change = async (field: 'title' | 'description', value: string) => {
    const path = { notebook_id: notebook.id }
    const header = { 'Idempotency-Key': newKey() }
    set(await ask(api.PUT('/api/v1/notebooks/{notebook_id}', { params: { path, header }, body: { [field]: value } })))
  }
  return (
    <div className="names">
      <SelfSaving value={notebook.title} save={(value) => change('title', value.trim() || t.untitledNotebook)}>
        {(props) => (
          <input ref={titled} className="title" aria-label={t.title} disabled={still} maxLength={200} {...props} />
        )}
      </SelfSaving>
      <SelfSaving value={notebook.description} save={(value) => change('description', value)}>
        {(props) => (
          <textarea rows={2} aria-label={t.description} placeholder={t.description} maxLength={10_000} {...props} />
        )}
      </SelfSaving>
    </div>
  )
}

interface Editing {
  value: string
  onChange: (event: { target: { value: string } }) => void
  onBlur: () => void
}

const REST_MS = 800

function SelfSaving(props: {
  value: string
  save: (value: string) => Promise<void>
  children: (props: Editing) => React.ReactNode
}) {
  const t = useMessages()
  const [typed, setTyped] = useState<string | null>(null)
  const [error, setError] = useState<unknown>(null)
  const timer = useRef(0)
  const send = (value: string) => {
    clearTimeout(timer.current)
    if (value === props.value) return
    props.save(value).then(
      () => {
        setError(null)
        setTyped((now) => (now === value ? null : now))
      },
      (failed) => {
        setError(failed)
        timer.current = window.setTimeout(() => send(value), 5000)
      },
    )
  }
  const editing: Editing = {
    value: typed ?? props.value,
    onChange: ({ target }) => {
      setTyped(target.value)
      clearTimeout(timer.current)
      timer.current = window.setTimeout(() => send(target.value), REST_MS)
    },
    onBlur: () => typed !== null && send(typed),
  }
  return (
    <>
      {props.children(editing)}
      {error ? (
        <p role="alert" className="error">
          {explain(error, t)}
        </p>
      ) : null}
    </>
  )
}

function Remove({ notebook }: { notebook: NotebookWithPages }) {
  const t = useMessages()
  const [error, setError] = useState<unknown>(null)
  const remove = () => {
    const path = { notebook_id: notebook.id }
    const header = { 'Idempotency-Key': newKey() }
    const done = ask(api.DELETE('/api/v1/notebooks/{notebook_id}', { params: { path, header } }))
    done.then(() => navigate('/trash'), setError)
  }
  return (
    <div className="foot">
      <Button kind="plain" onClick={remove}>
        {t.deleteNotebook}
      </Button>
      {error ? (
        <p role="alert" className="error">
          {explain(error, t)}
        </p>
      ) : null}
    </div>
  )
}
