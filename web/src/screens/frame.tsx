/** What all screens stand in. */
import type { ReactNode } from 'react'
import { useMessages } from '../i18n'
import { useStanding } from '../ui/hooks'
import { Link, navigate, usePath } from '../ui/router'

export function Frame({ children }: { children: ReactNode }) {
  const t = useMessages()
  const standing = useStanding()
  const path = usePath()
  const inside = standing.kind === 'in' || standing.kind === 'expired'
  const entry = (href: string, name: string, also: string[] = []) => (
    <Link href={href} aria-current={[href, ...also].includes(path) ? 'page' : undefined}>
      {name}
    </Link>
  )
  return (
    <>
      <a className="skip" href="#main">
        {t.skip}
      </a>
      <header className="bar">
        <Link href="/" className="brand">
          {t.appName}
        </Link>
        <nav aria-label={t.menu}>
          {inside && entry('/notebooks', t.notebooks, ['/'])}
          {entry('/published', t.published)}
          {inside && entry('/trash', t.trash)}
          {entry('/search', t.search)}
          {inside ? entry('/profile', t.profile) : entry('/sign-in', t.signIn)}
          {inside && standing.user.role === 'admin' && entry('/operators', t.operators)}
        </nav>
      </header>
      {children}
    </>
  )
}

/** After signing in: where one wanted to go, if that is on this desk. */
export function goOn(): void {
  const next = new URLSearchParams(location.search).get('next') ?? '/notebooks'
  navigate(/^\/(?![/\\])/.test(next) ? next : '/notebooks', 'replace')
}
