/** Searching as one types, after a pause. */
import { useEffect, useState } from 'react'
import { api, ask, type Hit } from '../api/client'
import { useMessages } from '../i18n'
import { useLoaded, useRested, useStanding, useTitle } from '../ui/hooks'
import { Pages, Problem } from '../ui/parts'
import { Link, navigate, useQuery } from '../ui/router'
import '../style/search.css'

type Scope = 'all' | 'mine' | 'public'

const REST_MS = 300
const LAG_SECONDS = 5

export default function SearchScreen() {
  const t = useMessages()
  const inside = useStanding().kind !== 'out'
  const query = useQuery()
  const [typed, setTyped] = useState(query.get('q') ?? '')
  const [scope, setScope] = useState<Scope>('all')
  const [page, setPage] = useState(1)
  const rested = useRested(typed, REST_MS).trim()
  useTitle(t.search)
  useEffect(() => {
    navigate(rested ? `/search?q=${encodeURIComponent(rested)}` : '/search', 'replace')
  }, [rested])
  const names: [Scope, string][] = [
    ['all', t.everywhere],
    ['mine', t.onlyMine],
    ['public', t.onlyPublic],
  ]
  const change = (value: string) => {
    setTyped(value)
    setPage(1)
  }
  return (
    <main id="main" className="column">
      <h1 className="hidden">{t.search}</h1>
      <form onSubmit={(event) => event.preventDefault()}>
        <input
          type="text"
          enterKeyHint="search"
          aria-label={t.search}
          placeholder={t.searchHint}
          value={typed}
          maxLength={200}
          // biome-ignore lint/a11y/noAutofocus: who comes here comes to search
          autoFocus
          onChange={(event) => change(event.target.value)}
        />
        {inside && (
          <fieldset className="choice">
            <legend className="hidden">{t.where}</legend>
            {names.map(([value, name]) => (
              <label key={value}>
                <input type="radio" name="scope" checked={scope === value} onChange={() => setScope(value)} /> {name}
              </label>
            ))}
          </fieldset>
        )}
      </form>
      {rested && <Hits q={rested} scope={inside ? scope : 'all'} page={page} go={setPage} />}
    </main>
  )
}

function Hits({ q, scope, page, go }: { q: string; scope: Scope; page: number; go: (page: number) => void }) {
  const t = useMessages()
  const query = { q, scope, page, per_page: 20 }
  const found = useLoaded(JSON.stringify(query), () => ask(api.GET('/api/v1/search', { params: { query } })))
  const { data } = found
  const total = data?.total ?? 0
  const many = `${total.toLocaleString()}${data && 'total_capped' in data && data.total_capped ? '+' : ''}`
  return (
    <>
      <p role="status" className="quiet">
        {data && (total === 0 ? t.noResults : total === 1 ? t.resultsOne : t.results(many))}
        {data && data.freshness.lag_seconds > LAG_SECONDS && ` · ${t.lagging}`}
      </p>
      <Problem error={found.error} retry={found.reload} />
      <ol className="hits">
        {data?.items.map((hit) => (
          <Found key={`${hit.page_id}${hit.updated_at}`} hit={hit} />
        ))}
      </ol>
      <Pages page={page} pages={data?.pages ?? 1} go={go} />
    </>
  )
}

function Found({ hit }: { hit: Hit }) {
  const standing = useStanding()
  const mine = standing.kind === 'in' && standing.user.id === hit.author.id
  const href = mine ? `/notebooks/${hit.notebook_id}/pages/${hit.page_id}` : `/read/${hit.notebook_id}/${hit.page_id}`
  return (
    <li>
      <h2>
        <Link href={href}>{hit.title}</Link>
      </h2>
      <p>{marked(hit.snippet)}</p>
      <p className="quiet">
        {hit.notebook_title} · {hit.author.display_name}
      </p>
    </li>
  )
}

/** A snippet is HTML that knows `<mark>` alone; it is taken apart instead of being believed. */
function marked(snippet: string) {
  const text = (part: string) => {
    const holder = document.createElement('textarea')
    holder.innerHTML = part
    return holder.value
  }
  return snippet.split(/(<mark>.*?<\/mark>)/s).map((part, at) => {
    const inside = /^<mark>(.*)<\/mark>$/s.exec(part)
    // biome-ignore lint/suspicious/noArrayIndexKey: the parts have no other name
    return inside ? <mark key={at}>{text(inside[1] ?? '')}</mark> : text(part)
  })
}
