/** The notebooks: one's own, all that is published, and the trash. */
import { useState } from 'react'
import { api, ask, type Notebook, newKey } from '../api/client'
import { useMessages, useTimes } from '../i18n'
import { useLoaded, useTitle } from '../ui/hooks'
import { Avatar, Button, Fault, Pages, Problem } from '../ui/parts'
import { Link, navigate } from '../ui/router'
import '../style/notebooks.css'

type Which = 'own' | 'published' | 'trash'

const PER_PAGE = 24

function load(of: Which, page: number) {
  const which = of === 'published' ? { public: true } : of === 'trash' ? { trashed: true } : {}
  return ask(api.GET('/api/v1/notebooks', { params: { query: { ...which, page, per_page: PER_PAGE } } }))
}

export function Notebooks({ of }: { of: Which }) {
  const t = useMessages()
  const [page, setPage] = useState(1)
  const listed = useLoaded(`${of} ${page}`, () => load(of, page))
  const names = { own: t.notebooks, published: t.published, trash: t.trash }
  const nothing = { own: t.noNotebooks, published: t.nothingPublished, trash: t.emptyTrash }
  useTitle(names[of])
  return (
    <main id="main" className="wide">
      <div className="head">
        <h1>{names[of]}</h1>
        {of === 'own' && <NewNotebook />}
      </div>
      {of === 'trash' && (
        <p className="quiet">
          {t.trashHint} {t.trashPages}
        </p>
      )}
      <Problem error={listed.error} retry={listed.reload} />
      {listed.data?.items.length === 0 && <p className="empty">{nothing[of]}</p>}
      <ul className="shelf">
        {listed.data?.items.map((notebook) => (
          <Spine key={notebook.id} notebook={notebook} of={of} changed={listed.reload} />
        ))}
      </ul>
      <Pages page={page} pages={listed.data?.pages ?? 1} go={setPage} />
    </main>
  )
}

function NewNotebook() {
  const t = useMessages()
  const [error, setError] = useState<unknown>(null)
  const [busy, setBusy] = useState(false)
  const begin = async () => {
    setBusy(true)
    const header = { 'Idempotency-Key': newKey() }
    const made = ask(api.POST('/api/v1/notebooks', { params: { header }, body: { title: t.untitledNotebook } }))
    await made.then(({ id }) => navigate(`/notebooks/${id}?new`), setError)
    setBusy(false)
  }
  return (
    <div>
      <Button kind="primary" onClick={begin} disabled={busy}>
        {t.newNotebook}
      </Button>
      <Fault error={error} />
    </div>
  )
}

function Spine({ notebook, of, changed }: { notebook: Notebook; of: Which; changed: () => void }) {
  const t = useMessages()
  const { ago } = useTimes()
  const href = of === 'published' ? `/read/${notebook.id}` : `/notebooks/${notebook.id}`
  return (
    <li className="spine">
      <h2>{of === 'trash' ? notebook.title : <Link href={href}>{notebook.title}</Link>}</h2>
      {notebook.description && <p className="excerpt">{notebook.description}</p>}
      {of === 'published' && (
        <p className="author">
          <Avatar url={notebook.owner.avatar_url} name={notebook.owner.display_name} /> {notebook.owner.display_name}
        </p>
      )}
      <p className="quiet">
        {t.pages(notebook.page_count)} · {t.words(notebook.word_count)}
      </p>
      <p className="quiet">{t.changed(ago(notebook.updated_at))}</p>
      {of === 'own' && notebook.status === 'published' && (
        <p className="tag">{notebook.has_unpublished_changes ? t.unpublishedChanges : t.isPublished}</p>
      )}
      {of === 'trash' && <Restore notebook={notebook} done={changed} />}
    </li>
  )
}

function Restore({ notebook, done }: { notebook: Notebook; done: () => void }) {
  const t = useMessages()
  const [error, setError] = useState<unknown>(null)
  const restore = () => {
    const path = { notebook_id: notebook.id }
    const header = { 'Idempotency-Key': newKey() }
    ask(api.POST('/api/v1/notebooks/{notebook_id}/restore', { params: { path, header } })).then(done, setError)
  }
  return (
    <>
      <Button onClick={restore} aria-label={`${t.restore}: ${notebook.title}`}>
        {t.restore}
      </Button>
      <Fault error={error} />
    </>
  )
}
