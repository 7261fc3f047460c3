/** The pages of a notebook that were deleted, and can be had back until they are removed for good. */
import { useEffect, useRef, useState } from 'react'
import { api, ask, type NotebookWithPages, newKey, type TrashedPage } from '../api/client'
import { useMessages } from '../i18n'
import { useLoaded } from '../ui/hooks'
import { Button, Fault, Pages } from '../ui/parts'

const PER_PAGE = 20

function load(id: string, page: number) {
  const params = { path: { notebook_id: id }, query: { trashed: true as const, page, per_page: PER_PAGE } }
  return ask(api.GET('/api/v1/notebooks/{notebook_id}/pages', { params }))
}

export function Trashed({ notebook, reload }: { notebook: NotebookWithPages; reload: () => void }) {
  const t = useMessages()
  const [page, setPage] = useState(1)
  const [told, setTold] = useState('')
  const [error, setError] = useState<unknown>(null)
  const place = useRef<HTMLElement>(null)
  const { data, reload: again } = useLoaded(`${notebook.id} ${page}`, () => load(notebook.id, page))
  // biome-ignore lint/correctness/useExhaustiveDependencies: a version of the notebook may have another trash
  useEffect(() => again(), [again, notebook.version])
  const restore = ({ id, title }: TrashedPage) => {
    const params = { path: { notebook_id: notebook.id, page_id: id }, header: { 'Idempotency-Key': newKey() } }
    const asked = api.POST('/api/v1/notebooks/{notebook_id}/pages/{page_id}/restore', { params })
    setError(null)
    ask(asked).then(() => {
      setTold(t.pageRestored(title))
      place.current?.focus()
      reload()
    }, setError)
  }
  return (
    <section ref={place} tabIndex={-1} aria-label={t.deletedPages} className="trashed">
      <p role="status">{told}</p>
      {data && data.total > 0 && (
        <details>
          <summary>
            {t.deletedPages} ({data.total})
          </summary>
          <p className="quiet">{t.trashHint}</p>
          <ul className="pages">
            {data.items.map((each) => (
              <li key={each.id}>
                <span className="name">{each.title}</span>
                <span className="quiet count">{t.words(each.word_count)}</span>
                <Button onClick={() => restore(each)} aria-label={`${t.restore}: ${each.title}`}>
                  {t.restore}
                </Button>
              </li>
            ))}
          </ul>
          <Pages page={page} pages={data.pages} go={setPage} />
        </details>
      )}
      <Fault error={error} />
    </section>
  )
}
