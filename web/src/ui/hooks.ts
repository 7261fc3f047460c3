import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from 'react'
import { session } from '../api/session'

export function useStanding() {
  return useSyncExternalStore(session.listen, session.get)
}

export interface Loaded<T> {
  data: T | null
  error: unknown
  reload(): void
  set(data: T): void
}

/** Load something whenever `key` changes; what comes too late is dropped. */
export function useLoaded<T>(key: string, load: () => Promise<T>): Loaded<T> {
  const [state, setState] = useState<{ key: string; data: T | null; error: unknown }>({ key, data: null, error: null })
  const [turn, setTurn] = useState(0)
  const loading = useRef(load)
  loading.current = load
  // biome-ignore lint/correctness/useExhaustiveDependencies: `turn` asks for it once more
  useEffect(() => {
    let current = true
    loading.current().then(
      (data) => current && setState({ key, data, error: null }),
      (error) => current && setState((before) => ({ key, data: before.key === key ? before.data : null, error })),
    )
    return () => {
      current = false
    }
  }, [key, turn])
  const reload = useCallback(() => setTurn((before) => before + 1), [])
  const standing = useStanding().kind
  const failed = useRef(false)
  failed.current = state.error !== null
  // What could not be had may be there for who has signed in again.
  useEffect(() => {
    if (standing === 'in' && failed.current) reload()
  }, [standing, reload])
  const set = useCallback((data: T) => setState({ key, data, error: null }), [key])
  return { data: state.key === key ? state.data : null, error: state.key === key ? state.error : null, reload, set }
}

export function useTitle(title: string): void {
  useEffect(() => {
    document.title = title ? `${title} · SinPluma` : 'SinPluma'
  }, [title])
}

/** The value once it has rested for `ms`. */
export function useRested<T>(value: T, ms: number): T {
  const [rested, setRested] = useState(value)
  useEffect(() => {
    const timer = setTimeout(() => setRested(value), ms)
    return () => clearTimeout(timer)
  }, [value, ms])
  return rested
}
