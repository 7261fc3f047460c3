/** Saves a page over the API, and tells what became of it in the words of `way.ts`. */
import { answerOf, api, Failure, type Page, patient } from '../api/client'
import type { Draft, Outcome, Pending, Theirs } from './way'

type Place = Pick<Draft, 'notebookId' | 'pageId'>

function at({ notebookId, pageId }: Place) {
  return { notebook_id: notebookId, page_id: pageId }
}

export async function save(draft: Draft, pending: Pending): Promise<Outcome> {
  const content = pending.content.toString()
  try {
    const { data, response } = await answerOf(
      api.PUT('/api/v1/notebooks/{notebook_id}/pages/{page_id}', {
        params: { path: at(draft), header: { 'Idempotency-Key': pending.key, 'If-Match': pending.etag } },
        body: { title: pending.title, content, autosave: pending.autosave },
        fetch: patient(content.length),
      }),
    )
    const hash = await sha256(content)
    const isReceipt = Number.isInteger(data?.version) && (hash === null || hash === data.content_sha256)
    if (!isReceipt) return { kind: 'away', why: 'server' }
    return { kind: 'saved', version: data.version, etag: etagOf(response, data.version) }
  } catch (error) {
    return outcomeOf(error)
  }
}

export async function load(place: Place): Promise<Theirs> {
  const asked = api.GET('/api/v1/notebooks/{notebook_id}/pages/{page_id}', { params: { path: at(place) } })
  const { data, response } = await answerOf(asked)
  return { title: data.title, content: data.content, version: data.version, etag: etagOf(response, data.version) }
}

function etagOf(response: Response, version: number): string {
  return response.headers.get('ETag') ?? `"${version}"`
}

function outcomeOf(error: unknown): Outcome {
  if (!(error instanceof Failure)) return { kind: 'away', why: 'server' }
  const { status, message: detail } = error
  switch (status) {
    case 0:
      return { kind: 'away', why: 'offline' }
    case 401:
      return { kind: 'signed-out' }
    case 403:
      return { kind: 'refused', why: /quota/i.test(JSON.stringify(error.body)) ? 'quota' : 'forbidden', detail }
    case 404:
      return { kind: 'refused', why: 'gone', detail }
    case 412:
      return staleOf(error.body) ?? { kind: 'away', why: 'server' }
    case 413:
      return { kind: 'refused', why: 'long', detail }
    case 400:
    case 415:
    case 422:
      return { kind: 'refused', why: error.errors.content ? 'long' : 'invalid', detail }
    default: {
      const seconds = Number(error.retryAfter)
      const afterMs = Number.isFinite(seconds) ? Math.min(seconds, 60) * 1000 : 0
      return { kind: 'away', why: status === 429 || status === 409 ? 'busy' : 'server', afterMs }
    }
  }
}

/** Null when that is no answer of the service. */
function staleOf(body: unknown): Outcome | null {
  const { current, merged } = (body ?? {}) as { current?: Page; merged?: { title: string; content: string } | null }
  if (typeof current?.content !== 'string') return null
  const { title, content, version } = current
  return { kind: 'stale', current: { title, content, version, etag: `"${version}"` }, merged: merged ?? null }
}

/** What the receipt must say. Browsers compute it on secure origins only; elsewhere the receipt is believed. */
async function sha256(text: string): Promise<string | null> {
  if (!crypto.subtle) return null
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('')
}
