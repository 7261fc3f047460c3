/** The history of a page: what was when, what has changed since, and back again. */
import { type FormEvent, useState } from 'react'
import { api, ask, type Diff, newKey, type Revision } from '../api/client'
import { explain, type Messages, useMessages, useTimes } from '../i18n'
import { useLoaded, useTitle } from '../ui/hooks'
import { Button, Pages, Problem } from '../ui/parts'
import { Link, navigate } from '../ui/router'
import { settled } from '../words/desk'

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
        <div>
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
      {error ? (
        <p role="alert" className="error">
          {explain(error, t)}
        </p>
      ) : null}
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
  const submit = (event: FormEvent) => {
    event.preventDefault()
    const path = { page_id: revision.page_id, revision_id: revision.id }
    const params = { path, header: { 'Idempotency-Key': newKey() } }
    const body = { label: label.trim() }
    ask(api.PUT('/api/v1/pages/{page_id}/revisions/{revision_id}', { params, body })).then(renamed, setError)
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
      {error ? <span className="error">{explain(error, t)}</span> : null}
    </form>
  )
}

function Difference({ diff }: { diff: Diff }) {
  const t = useMessages()
  const { inserted_words: more, deleted_words: less } = diff.stats
  const same = diff.hunks.every(({ op }) => op === 'equal')
  return (
    <>
      <p className="quiet">
        {same ? t.noDifference : [more > 0 && t.gained(more), less > 0 && t.lost(less)].filter(Boolean).join(' · ')}
      </p>
      <div className="diff">
        {diff.hunks.map(({ op, text }, at) => {
          const Tag = op === 'insert' ? 'ins' : op === 'delete' ? 'del' : 'span'
          // biome-ignore lint/suspicious/noArrayIndexKey: the hunks have no other name
          return <Tag key={at}>{text}</Tag>
        })}
      </div>
    </>
  )
}
