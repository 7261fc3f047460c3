/** The pages of a notebook in their order, which changes by dragging, by buttons and by Alt with the arrow keys. */
import { type DragEvent, type KeyboardEvent, useState } from 'react'
import { api, ask, newKey, type PageEntry } from '../api/client'
import { useMessages } from '../i18n'
import { Button, Fault } from '../ui/parts'
import { Link, navigate } from '../ui/router'
import type { OwnProps } from './notebook'

interface Props extends OwnProps {
  adding: boolean
  setAdding: (on: boolean) => void
}

export function PageList({ notebook, set, reload, adding, setAdding }: Props) {
  const t = useMessages()
  const [error, setError] = useState<unknown>(null)
  const [told, setTold] = useState('')
  const [deleted, setDeleted] = useState<PageEntry | null>(null)
  const path = { notebook_id: notebook.id }
  const once = () => ({ 'Idempotency-Key': newKey() })
  const { pages } = notebook

  const add = () => {
    setAdding(true)
    const params = { path, header: once() }
    const made = ask(api.POST('/api/v1/notebooks/{notebook_id}/pages', { params, body: { title: t.untitled } }))
    made
      .then((page) => navigate(`/notebooks/${notebook.id}/pages/${page.id}?new`), setError)
      .finally(() => setAdding(false))
  }
  const move = (from: number, to: number) => {
    const page = pages[from]
    if (!page || to < 0 || to >= pages.length || from === to) return
    const ordered = pages.toSpliced(from, 1).toSpliced(to, 0, page)
    setTold(t.movedTo(page.title, to + 1, pages.length))
    set({ ...notebook, pages: ordered })
    const body = { page_ids: ordered.map(({ id }) => id) }
    const changed = ask(
      api.PUT('/api/v1/notebooks/{notebook_id}/pages/order', { params: { path, header: once() }, body }),
    )
    changed.then(set, (failed) => {
      setError(failed)
      reload()
    })
  }
  const remove = (page: PageEntry) => {
    const params = { path: { ...path, page_id: page.id }, header: once() }
    ask(api.DELETE('/api/v1/notebooks/{notebook_id}/pages/{page_id}', { params })).then(() => {
      setDeleted(page)
      reload()
    }, setError)
  }
  const undo = (page: PageEntry) => {
    const params = { path: { ...path, page_id: page.id }, header: once() }
    ask(api.POST('/api/v1/notebooks/{notebook_id}/pages/{page_id}/restore', { params })).then(() => {
      setDeleted(null)
      reload()
    }, setError)
  }
  return (
    <section aria-label={t.contents}>
      {pages.length === 0 && <p className="empty">{t.noPages}</p>}
      <ol className="pages">
        {pages.map((page, at) => (
          <Row
            key={page.id}
            page={page}
            at={at}
            count={pages.length}
            notebookId={notebook.id}
            move={move}
            remove={remove}
          />
        ))}
      </ol>
      <p role="status" className="hidden">
        {told}
      </p>
      {deleted && (
        <p className="notice" role="status">
          {t.pageDeleted(deleted.title)}{' '}
          <Button key={deleted.id} onClick={() => undo(deleted)} autoFocus>
            {t.undo}
          </Button>
        </p>
      )}
      <Fault error={error} />
      <Button kind="primary" onClick={add} disabled={adding}>
        {t.addPage}
      </Button>
    </section>
  )
}

interface RowProps {
  page: PageEntry
  at: number
  count: number
  notebookId: string
  move: (from: number, to: number) => void
  remove: (page: PageEntry) => void
}

const DRAGGED = 'application/x-sinpluma-page'

function Row({ page, at, count, notebookId, move, remove }: RowProps) {
  const t = useMessages()
  const [over, setOver] = useState(false)
  const isPage = (event: DragEvent) => event.dataTransfer.types.includes(DRAGGED)
  const drop = (event: DragEvent) => {
    setOver(false)
    if (!isPage(event)) return
    event.preventDefault()
    move(Number(event.dataTransfer.getData(DRAGGED)), at)
  }
  const key = (event: KeyboardEvent) => {
    if (!event.altKey || (event.key !== 'ArrowUp' && event.key !== 'ArrowDown')) return
    event.preventDefault()
    move(at, event.key === 'ArrowUp' ? at - 1 : at + 1)
  }
  return (
    <li
      className={over ? 'over' : ''}
      draggable
      onKeyDown={key}
      onDragStart={(event) => event.dataTransfer.setData(DRAGGED, String(at))}
      onDragOver={(event) => {
        if (!isPage(event)) return
        event.preventDefault()
        setOver(true)
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      <span className="grip" title={t.drag} aria-hidden="true">
        ⠿
      </span>
      <Link href={`/notebooks/${notebookId}/pages/${page.id}`} draggable={false}>
        {page.title}
      </Link>
      <span className="quiet count">{t.words(page.word_count)}</span>
      <span className="tools">
        <Button kind="icon" aria-label={t.moveUp(page.title)} disabled={at === 0} onClick={() => move(at, at - 1)}>
          ↑
        </Button>
        <Button
          kind="icon"
          aria-label={t.moveDown(page.title)}
          disabled={at === count - 1}
          onClick={() => move(at, at + 1)}
        >
          ↓
        </Button>
        <Button kind="icon" aria-label={t.deletePage(page.title)} onClick={() => remove(page)}>
          ×
        </Button>
      </span>
    </li>
  )
}
