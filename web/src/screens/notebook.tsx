/** One notebook of one's own: its name, its pages in their order, and what readers see of it. */
import { lazy, useEffect, useState } from 'react'
import { api, ask, type NotebookWithPages, newKey } from '../api/client'
import { useMessages } from '../i18n'
import { useLoaded, useStanding, useTitle } from '../ui/hooks'
import { Button, Fault, Problem, TitleBox } from '../ui/parts'
import { navigate, useQuery } from '../ui/router'
import { SelfSaving } from '../ui/saving'
import { titleOf } from '../ui/titles'
import { PageList } from './pages'
import { Publication } from './publication'
import { Trashed } from './trashed'
import '../style/notebook.css'

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
      <div className="foot">
        <Trashed notebook={notebook} reload={reload} />
        <Remove notebook={notebook} />
      </div>
    </main>
  )
}

/** Title and description save themselves when they are left, or after a rest. */
function Names({ notebook, set, still }: Omit<OwnProps, 'reload'> & { still: boolean }) {
  const t = useMessages()
  const fresh = useQuery().has('new')
  const save = async (field: 'title' | 'description', value: string) => {
    const path = { notebook_id: notebook.id }
    const header = { 'Idempotency-Key': newKey() }
    set(await ask(api.PUT('/api/v1/notebooks/{notebook_id}', { params: { path, header }, body: { [field]: value } })))
  }
  return (
    <div className="names">
      <SelfSaving
        name={`sinpluma.title.${notebook.id}`}
        value={notebook.title}
        mayBeEmpty={false}
        save={(value) => save('title', titleOf(value, t.untitledNotebook))}
      >
        {({ value, change, leaving }) => (
          <TitleBox value={value} change={change} leaving={leaving} disabled={still} fresh={fresh} />
        )}
      </SelfSaving>
      <SelfSaving
        name={`sinpluma.description.${notebook.id}`}
        value={notebook.description}
        mayBeEmpty
        save={(value) => save('description', value)}
      >
        {({ value, change, leaving }) => (
          <textarea
            rows={1}
            aria-label={t.description}
            placeholder={t.description}
            maxLength={10_000}
            value={value}
            onChange={(event) => change(event.target.value)}
            onBlur={leaving}
          />
        )}
      </SelfSaving>
    </div>
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
    <>
      <Button onClick={remove}>{t.deleteNotebook}</Button>
      <Fault error={error} />
    </>
  )
}
