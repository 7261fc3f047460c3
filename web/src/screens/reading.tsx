/** Reading what is published: a cover with the contents, and page by page. */
import { useEffect } from 'react'
import { api, ask, type NotebookWithPages } from '../api/client'
import { useMessages, useTimes } from '../i18n'
import Text from '../reading/text'
import { useLoaded, useStanding, useTitle } from '../ui/hooks'
import { Avatar, Problem } from '../ui/parts'
import { Link, navigate } from '../ui/router'
import '../style/reading.css'

type Part = { notebookId: string; pageId?: string }

export default function Reading({ notebookId, pageId }: Part) {
  const path = { notebook_id: notebookId }
  const loaded = useLoaded(notebookId, () => ask(api.GET('/api/v1/notebooks/{notebook_id}', { params: { path } })))
  if (!loaded.data) {
    return (
      <main id="main" className="column" aria-busy={!loaded.error}>
        <Problem error={loaded.error} retry={loaded.reload} />
      </main>
    )
  }
  return pageId ? <Page key={pageId} notebook={loaded.data} pageId={pageId} /> : <Cover notebook={loaded.data} />
}

function Cover({ notebook }: { notebook: NotebookWithPages }) {
  const t = useMessages()
  const { day } = useTimes()
  useTitle(notebook.title)
  const [first] = notebook.pages
  return (
    <main id="main" className="reading cover">
      <h1>{notebook.title}</h1>
      <p className="author">
        <Avatar url={notebook.owner.avatar_url} name={notebook.owner.display_name} />{' '}
        {t.by(notebook.owner.display_name)}
      </p>
      {notebook.published_at && <p className="quiet">{day(notebook.published_at)}</p>}
      {notebook.description && <p className="lead">{notebook.description}</p>}
      {first && (
        <Link className="button primary" href={`/read/${notebook.id}/${first.id}`}>
          {t.read}
        </Link>
      )}
      <nav aria-label={t.contents}>
        <h2>{t.contents}</h2>
        <ol className="contents">
          {notebook.pages.map((page) => (
            <li key={page.id}>
              <Link href={`/read/${notebook.id}/${page.id}`}>{page.title}</Link>
              <span className="quiet">{t.words(page.word_count)}</span>
            </li>
          ))}
        </ol>
      </nav>
    </main>
  )
}

function Page({ notebook, pageId }: { notebook: NotebookWithPages; pageId: string }) {
  const t = useMessages()
  const standing = useStanding()
  const path = { notebook_id: notebook.id, page_id: pageId }
  const query = { view: 'published' as const }
  const loaded = useLoaded(pageId, () =>
    ask(api.GET('/api/v1/notebooks/{notebook_id}/pages/{page_id}', { params: { path, query } })),
  )
  const page = loaded.data
  useTitle(page ? `${page.title} · ${notebook.title}` : notebook.title)
  const at = notebook.pages.findIndex(({ id }) => id === pageId)
  const [before, after] = [notebook.pages[at - 1], at < 0 ? undefined : notebook.pages[at + 1]]
  useTurning(before && `/read/${notebook.id}/${before.id}`, after && `/read/${notebook.id}/${after.id}`)
  const mine = standing.kind === 'in' && standing.user.id === notebook.owner.id
  return (
    <main id="main" className="reading">
      <p className="quiet above">
        <Link href={`/read/${notebook.id}`}>{notebook.title}</Link> · {t.by(notebook.owner.display_name)}
        {mine && (
          <span className="mine">
            {' · '}
            <Link href={`/notebooks/${notebook.id}/pages/${pageId}`}>{t.edit}</Link>
          </span>
        )}
      </p>
      <Problem error={loaded.error} retry={loaded.reload} />
      {page && (
        <article>
          <h1>{page.title}</h1>
          <Text content={page.content} />
        </article>
      )}
      <nav className="turn" aria-label={t.contents}>
        {before ? (
          <Link rel="prev" href={`/read/${notebook.id}/${before.id}`}>
            ← {before.title}
          </Link>
        ) : (
          <span />
        )}
        {after && (
          <Link rel="next" href={`/read/${notebook.id}/${after.id}`}>
            {after.title} →
          </Link>
        )}
      </nav>
    </main>
  )
}

/** The arrow keys turn the pages, as long as nothing else wants them. */
function useTurning(before: string | undefined, after: string | undefined): void {
  useEffect(() => {
    const turn = (event: KeyboardEvent) => {
      const busy = event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || event.target !== document.body
      const to = event.key === 'ArrowLeft' ? before : event.key === 'ArrowRight' ? after : undefined
      if (!busy && to) navigate(to)
    }
    addEventListener('keydown', turn)
    return () => removeEventListener('keydown', turn)
  }, [before, after])
}
