/** The writer's language: chosen, or the browser's. */
import { useSyncExternalStore } from 'react'
import { Failure } from '../api/client'
import { stored } from '../ui/stored'
import { en, type Messages } from './en'
import { es } from './es'

export type { Messages }
export const languages = { en, es }
export type Language = keyof typeof languages

function preferred(): Language {
  return navigator.languages.some((each) => /^es\b/.test(each)) && !/^en\b/.test(navigator.language) ? 'es' : 'en'
}

export const chosenLanguage = stored<Language>('sinpluma.language', preferred(), (value) => value in languages)

chosenLanguage.listen(() => apply())
function apply(): void {
  document.documentElement.lang = chosenLanguage.get()
}
apply()

export function useMessages(): Messages {
  return languages[useSyncExternalStore(chosenLanguage.listen, chosenLanguage.get)]
}

const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte'] as const

/** `1.2 MB`, of bytes. */
export function useSizes(): (bytes: number) => string {
  const locale = localeOf(useSyncExternalStore(chosenLanguage.listen, chosenLanguage.get))
  return (bytes) => sizeOf(bytes, locale)
}

function sizeOf(bytes: number, locale: string): string {
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), UNITS.length - 1)
  const format = { style: 'unit', unit: UNITS[power] ?? 'byte', maximumFractionDigits: power > 1 ? 1 : 0 } as const
  return new Intl.NumberFormat(locale, format).format(bytes / 1000 ** power)
}

function quotaOf(error: unknown): keyof Messages['quotas'] | null {
  const quota = error instanceof Failure && error.status === 403 && (error.body as { quota?: string } | null)?.quota
  return quota === 'notebooks' || quota === 'text_bytes' || quota === 'picture_bytes' ? quota : null
}

/** What a failure means, in the writer's words. */
export function explain(error: unknown, t: Messages): string {
  const status = error instanceof Failure ? error.status : 0
  const known: Record<number, string> = {
    0: t.errorOffline,
    401: t.sessionOver,
    403: t.errorForbidden,
    404: t.errorGone,
    409: t.errorConflict,
    412: t.errorConflict,
    413: t.pictureLarge,
    415: t.pictureWrong,
    422: t.errorInvalid,
    429: t.errorRate,
  }
  const quota = quotaOf(error)
  return quota ? t.quotas[quota] : (known[status] ?? t.errorServer)
}

/** Dates as they are written where the browser is at home, as far as it speaks the language: `en-GB` for `en`. */
function localeOf(language: Language): string {
  return navigator.languages.find((each) => each.split('-')[0] === language) ?? language
}

/** `3 March 2026`, `14:05`, `5 minutes ago`. */
export function useTimes() {
  const locale = localeOf(useSyncExternalStore(chosenLanguage.listen, chosenLanguage.get))
  return {
    day: (iso: string) => new Intl.DateTimeFormat(locale, { dateStyle: 'full' }).format(new Date(iso)),
    hour: (iso: string) => new Intl.DateTimeFormat(locale, { timeStyle: 'short' }).format(new Date(iso)),
    ago: (iso: string) => ago(new Date(iso), locale),
  }
}

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
]

function ago(then: Date, locale: string): string {
  // A clock that goes wrong must not make yesterday of a moment ago: the far past and the future are told as dates.
  const seconds = (Date.now() - then.getTime()) / 1000
  if (seconds < -60 || seconds > 6 * 86_400)
    return new Intl.DateTimeFormat(locale, { dateStyle: 'medium' }).format(then)
  const [unit, size] = STEPS.find(([, each]) => seconds >= each) ?? ['second', 60]
  const format = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' })
  return unit === 'second' ? format.format(0, 'second') : format.format(-Math.floor(seconds / size), unit)
}
