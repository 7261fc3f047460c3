/** Addresses and screens. The address is the browser's; this only tells when it has changed. */
import { type AnchorHTMLAttributes, type MouseEvent, useSyncExternalStore } from 'react'

const listeners = new Set<() => void>()

addEventListener('popstate', () => tell())

function tell(): void {
  for (const listener of listeners) listener()
}

function listen(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

export function navigate(to: string, how: 'push' | 'replace' = 'push'): void {
  if (to === location.pathname + location.search) return
  history[how === 'push' ? 'pushState' : 'replaceState'](null, '', to)
  tell()
  if (how === 'push') scrollTo(0, 0)
}

export function usePath(): string {
  return useSyncExternalStore(listen, () => location.pathname)
}

export function useQuery(): URLSearchParams {
  return new URLSearchParams(useSyncExternalStore(listen, () => location.search))
}

/** The parts of a path that fits the pattern `/notebooks/:id`, null when it does not. */
export function match(pattern: string, path: string): Record<string, string> | null {
  const wanted = pattern.split('/')
  const parts = path.replace(/(.)\/$/, '$1').split('/')
  if (wanted.length !== parts.length) return null
  const found: Record<string, string> = {}
  for (const [at, part] of wanted.entries()) {
    const given = parts[at] ?? ''
    if (part.startsWith(':')) found[part.slice(1)] = given
    else if (part !== given) return null
  }
  return found
}

export function isPlainClick(event: MouseEvent | globalThis.MouseEvent): boolean {
  return event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey
}

export function Link({ href, onClick, ...rest }: AnchorHTMLAttributes<HTMLAnchorElement> & { href: string }) {
  const follow = (event: MouseEvent<HTMLAnchorElement>) => {
    onClick?.(event)
    if (event.defaultPrevented || !isPlainClick(event)) return
    event.preventDefault()
    navigate(href)
  }
  return <a href={href} onClick={follow} {...rest} />
}
