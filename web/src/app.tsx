/** Which screen an address shows. */
import { lazy, type ReactNode, Suspense, useEffect } from 'react'
import { useMessages } from './i18n'
import { SignInAgain } from './screens/again'
import { Frame } from './screens/frame'
import { Notebooks } from './screens/notebooks'
import { Register, SignIn } from './screens/signing'
import { useStanding } from './ui/hooks'
import { match, navigate, usePath } from './ui/router'

const Editor = lazy(() => import('./screens/editor'))
const History = lazy(() => import('./screens/history'))
const Notebook = lazy(() => import('./screens/notebook'))
const Operators = lazy(() => import('./screens/operators'))
const ProfileScreen = lazy(() => import('./screens/profile'))
const Reading = lazy(() => import('./screens/reading'))
const SearchScreen = lazy(() => import('./screens/search'))

type Screen = { at: string; open?: true; show: (parts: Record<string, string>) => ReactNode }

const screens: Screen[] = [
  { at: '/', open: true, show: () => <Beginning /> },
  { at: '/sign-in', open: true, show: () => <SignIn /> },
  { at: '/register', open: true, show: () => <Register /> },
  { at: '/notebooks', show: () => <Notebooks of="own" /> },
  { at: '/published', open: true, show: () => <Notebooks of="published" /> },
  { at: '/trash', show: () => <Notebooks of="trash" /> },
  { at: '/search', open: true, show: () => <SearchScreen /> },
  { at: '/profile', show: () => <ProfileScreen /> },
  { at: '/operators', show: () => <ForAdmins /> },
  { at: '/read/:id', open: true, show: ({ id = '' }) => <Reading key={id} notebookId={id} /> },
  {
    at: '/read/:id/:page',
    open: true,
    show: ({ id = '', page = '' }) => <Reading key={id} notebookId={id} pageId={page} />,
  },
  { at: '/notebooks/:id', open: true, show: ({ id = '' }) => <Owned id={id} /> },
  { at: '/notebooks/:id/pages/:page', open: true, show: ({ id = '', page = '' }) => <Owned id={id} page={page} /> },
  {
    at: '/notebooks/:id/pages/:page/history',
    show: ({ id = '', page = '' }) => <History key={page} notebookId={id} pageId={page} />,
  },
]

/** Shown before anybody knows who comes. */
const DOORS = ['/', '/sign-in', '/register']

export function App() {
  const path = usePath()
  const standing = useStanding()
  const t = useMessages()
  const found = screens.map((screen) => ({ screen, parts: match(screen.at, path) })).find(({ parts }) => parts)
  if (standing.kind === 'unknown' && !DOORS.includes(path)) return <main aria-busy="true" />
  const shut = found && !found.screen.open && standing.kind === 'out'
  return (
    <Frame>
      <Suspense fallback={<main id="main" aria-busy="true" />}>
        {!found && (
          <main id="main" className="column">
            <p>{t.notFound}</p>
          </main>
        )}
        {shut ? <Redirect to={`/sign-in?next=${encodeURIComponent(path)}`} /> : found?.screen.show(found.parts ?? {})}
      </Suspense>
      {standing.kind === 'expired' && <SignInAgain />}
    </Frame>
  )
}

function Redirect({ to }: { to: string }) {
  useEffect(() => navigate(to, 'replace'), [to])
  return null
}

function ForAdmins() {
  const t = useMessages()
  const standing = useStanding()
  if ('user' in standing && standing.user.role === 'admin') return <Operators />
  return (
    <main id="main" className="column">
      <p>{t.notFound}</p>
    </main>
  )
}

function Beginning() {
  return ['out', 'unknown'].includes(useStanding().kind) ? <SignIn welcome /> : <Notebooks of="own" />
}

/** One address for writers and readers: who may not write reads. */
function Owned({ id, page }: { id: string; page?: string }) {
  if (useStanding().kind === 'out') return <Reading key={id} notebookId={id} {...(page ? { pageId: page } : {})} />
  return page ? <Editor key={page} notebookId={id} pageId={page} /> : <Notebook key={id} id={id} />
}
