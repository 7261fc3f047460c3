/** A small choice that this browser remembers, where it may. */
export interface Stored<T> {
  get(): T
  set(value: T): void
  listen(listener: () => void): () => void
}

export function stored<T extends string>(key: string, fallback: T, isOne: (value: string) => boolean): Stored<T> {
  const listeners = new Set<() => void>()
  let value = read(key, fallback, isOne)
  return {
    get: () => value,
    set(next) {
      value = next
      try {
        localStorage.setItem(key, next)
      } catch {
        // Then it holds as long as the page.
      }
      for (const listener of listeners) listener()
    },
    listen(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

function read<T extends string>(key: string, fallback: T, isOne: (value: string) => boolean): T {
  try {
    const found = localStorage.getItem(key)
    return found !== null && isOne(found) ? (found as T) : fallback
  } catch {
    return fallback
  }
}
