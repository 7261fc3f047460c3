/** The history of a page: what was when, what has changed since, and back again. */
import { type FormEvent, useState } from 'react'
import { api, ask, newKey, type Revision } from '../api/client'
import { type Messages, useMessages, useTimes } from '../i18n'
import { useLoaded, useTitle } from '../ui/hooks'
import { Button, Fault, Pages, Problem } from '../ui/parts'
import { Link, navigate } from '../ui/router'
import { settled } from '../words/desk'
import { Difference } from './difference'
import '../style/history.css'

const PER_PAGE = 50

type Place = { notebookId: string; pageId: string }

async function load(pageId: string, page: number) {
  await settled([pageId])
  const params = { path: { page_id: pageId }, query: { page, per_page: PER_PAGE } }
  return ask(api.GET('/api/v1/pages/{page_id}/revisions', { params }))
}

export default function History({ notebookId, pageId }: Place) {
  const t = useMessages()
  const [page, setPage] = useState(1)
  const [chosen, setChosen] = useState<string | null>(null)
  const listed = useLoaded(`${pageId} ${page}`, () => load(pageId, page))
  const items = listed.data?.items ?? []
  const revision = items.find(({ id }) => id === chosen) ?? items[0]
  const here = `/notebooks/${notebookId}/pages/${pageId}`
  useTitle(t.history)
  return (
    <main id="main" className="history">
      <div className="head">
        <h1>{t.history}</h1>
        <Link className="button" href={here}>
          ← {t.back}
        </Link>
      </div>
      <Problem error={listed.error} retry={listed.reload} />
      {listed.data && items.length === 0 && <p className="empty">{t.noHistory}</p>}
      <div className="halves">
        <div className="versions">
          <Days items={items} chosen={revision?.id} choose={setChosen} />
          <Pages page={page} pages={listed.data?.pages ?? 1} go={setPage} />
        </div>
        {revision && (
          <Version key={revision.id} revision={revision} renamed={listed.reload} restored={() => navigate(here)} />
        )}
      </div>
    </main>
  )
}

function kindName(revision: Revision, t: Messages): string {
  const names = {
    save: t.kindSave,
    autosave: t.kindAutosave,
    restore: t.kindRestore,
    publish: t.kindPublish,
    conflict: t.kindConflict,
  }
  return names[revision.kind]
}

interface DaysProps {
  items: Revision[]
  chosen: string | undefined
  choose: (id: string) => void
}

function Days({ items, chosen, choose }: DaysProps) {
  const { day } = useTimes()
  const days = Map.groupBy(items, (revision) => day(revision.created_at))
  return [...days].map(([name, revisions]) => (
    <section key={name} className="day">
      <h2>{name}</h2>
      <ul>
        {revisions.map((revision) => (
          <li key={revision.id}>
            <Entry
              revision={revision}
              before={items[items.indexOf(revision) + 1]}
              isChosen={revision.id === chosen}
              choose={choose}
            />
          </li>
        ))}
      </ul>
    </section>
  ))
}

interface EntryProps {
  revision: Revision
  before: Revision | undefined
  isChosen: boolean
  choose: (id: string) => void
}

function Entry({ revision, before, isChosen, choose }: EntryProps) {
  const t = useMessages()
  const { hour } = useTimes()
  const more = revision.word_count - (before?.word_count ?? 0)
  return (
    <button type="button" aria-pressed={isChosen} onClick={() => choose(revision.id)}>
      <span>
        <time dateTime={revision.created_at}>{hour(revision.created_at)}</time>{' '}
        {revision.label ?? kindName(revision, t)}
      </span>
      <span className={more < 0 ? 'less' : 'more'}>
        {more > 0 && t.gained(more)}
        {more < 0 && t.lost(-more)}
      </span>
    </button>
  )
}

function Version({ revision, renamed, restored }: { revision: Revision; renamed: () => void; restored: () => void }) {
  const t = useMessages()
  const [error, setError] = useState<unknown>(null)
  const path = { page_id: revision.page_id, revision_id: revision.id }
  const compared = useLoaded(revision.id, () =>
    ask(api.GET('/api/v1/pages/{page_id}/revisions/{revision_id}/diff', { params: { path } })),
  )
  const restore = () => {
    const params = { path, header: { 'Idempotency-Key': newKey() } }
    ask(api.POST('/api/v1/pages/{page_id}/revisions/{revision_id}/restore', { params })).then(restored, setError)
  }
  return (
    <section className="version" aria-label={t.version(revision.version)}>
      <div className="head">
        <h2>{revision.label ?? t.version(revision.version)}</h2>
        <Button kind="primary" onClick={restore}>
          {t.restoreVersion}
        </Button>
      </div>
      <Fault error={error} />
      <Label revision={revision} renamed={renamed} />
      <h3>{t.sinceThen}</h3>
      <Problem error={compared.error} retry={compared.reload} />
      {compared.data && <Difference diff={compared.data} />}
    </section>
  )
}

function Label({ revision, renamed }: { revision: Revision; renamed: () => void }) {
  const t = useMessages()
  const [label, setLabel] = useState(revision.label ?? '')
  const [error, setError] = useState<unknown>(null)
  const name = (to: string | null) => {
    const path = { page_id: revision.page_id, revision_id: revision.id }
    const params = { path, header: { 'Idempotency-Key': newKey() } }
    const asked = api.PUT('/api/v1/pages/{page_id}/revisions/{revision_id}', { params, body: { label: to } })
    setError(null)
    ask(asked).then(() => {
      setLabel(to ?? '')
      renamed()
    }, setError)
  }
  const submit = (event: FormEvent) => {
    event.preventDefault()
    name(label.trim())
  }
  return (
    <form className="row" onSubmit={submit}>
      <input
        aria-label={t.nameVersion}
        placeholder={t.nameVersion}
        maxLength={120}
        required
        value={label}
        onChange={(e) => setLabel(e.target.value)}
      />
      <button type="submit" className="button">
        {t.save}
      </button>
      {revision.label && <Button onClick={() => name(null)}>{t.unname}</Button>}
      <Fault error={error} />
    </form>
  )
}
