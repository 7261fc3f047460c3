/** Small things that this browser remembers, where it may. */

export function recall(key: string): string | null {
  try {
    return localStorage.getItem(key)
  } catch {
    return null
  }
}

/** Null forgets it. Where storage is full or switched off nothing is remembered. */
export function retain(key: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(key)
    else localStorage.setItem(key, value)
  } catch {
    // Then it holds as long as the page.
  }
}

/** A choice that lasts. */
export interface Stored<T> {
  get(): T
  set(value: T): void
  listen(listener: () => void): () => void
}

export function stored<T extends string>(key: string, fallback: T, isOne: (value: string) => boolean): Stored<T> {
  const listeners = new Set<() => void>()
  const found = recall(key)
  let value = found !== null && isOne(found) ? (found as T) : fallback
  return {
    get: () => value,
    set(next) {
      value = next
      retain(key, next)
      for (const listener of listeners) listener()
    },
    listen(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
