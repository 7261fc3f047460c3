/** The API's client: its types come from the service's own OpenAPI document, so a route that changes breaks the build. */
import createClient from 'openapi-fetch'
import type { components, paths } from './schema'
import { session } from './session'

type Schemas = components['schemas']
export type Notebook = Schemas['Notebook']
export type NotebookWithPages = Schemas['NotebookWithPages']
export type PageEntry = Schemas['PageEntry']
export type TrashedPage = Schemas['TrashedPage']
export type Page = Schemas['Page']
export type Revision = Schemas['Revision']
export type RevisionWithText = Schemas['RevisionWithText']
export type Diff = Schemas['Diff']
export type Hit = Schemas['Hit']
export type Image = Schemas['Image']
export type Profile = Schemas['Profile']
export type OwnProfile = Schemas['OwnProfile']

/** What went wrong, for people: `status` 0 means that no sensible answer came. */
export class Failure extends Error {
  constructor(
    readonly status: number,
    detail: string,
    readonly errors: Record<string, string[]> = {},
    readonly body: unknown = null,
    readonly retryAfter: string | null = null,
  ) {
    super(detail)
  }
}

const PATIENCE_MS = 30_000
/** 64 kbit/s: a picture over a bad network takes minutes, and arrives. */
const SLOWEST_BYTES_A_MS = 8

/** Sends, and waits as long as so many bytes may take. */
export function patient(bytes: number): (request: Request) => Promise<Response> {
  return (request) => {
    const timeout = AbortSignal.timeout(PATIENCE_MS + bytes / SLOWEST_BYTES_A_MS)
    return session.send(new Request(request, { signal: AbortSignal.any([request.signal, timeout]) }))
  }
}

export const api = createClient<paths>({ baseUrl: location.origin, fetch: patient(0) })

type Answer<T> = { data?: T; error?: unknown; response: Response }

/** The data of a good answer with its response.
 * @throws {Failure} for all else: refusals, servers that answer HTML, and no answer at all. */
export async function answerOf<T>(asked: Promise<Answer<T>>): Promise<{ data: T; response: Response }> {
  let answer: Answer<T>
  try {
    answer = await asked
  } catch (error) {
    throw new Failure(0, String(error))
  }
  const { data, error, response } = answer
  if (!response.ok) throw failureOf(response, error)
  // A proxy's page in place of our JSON.
  if (response.status !== 204 && !isJson(response)) throw new Failure(502, 'not an answer of the service')
  return { data: data as T, response }
}

export async function ask<T>(asked: Promise<Answer<T>>): Promise<T> {
  return (await answerOf(asked)).data
}

function isJson(response: Response): boolean {
  return (response.headers.get('Content-Type') ?? '').includes('json')
}

function failureOf(response: Response, body: unknown): Failure {
  const told = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {}
  const errors = typeof told.errors === 'object' && told.errors ? (told.errors as Record<string, string[]>) : {}
  const detail = typeof told.detail === 'string' ? told.detail : response.statusText
  // Another's page says nothing about what was asked for: a proxy's 404 does not mean that a notebook is gone.
  const status = isJson(response) || response.status >= 500 ? response.status : 502
  return new Failure(status, detail, errors, body, response.headers.get('Retry-After'))
}

/** A key under which a change is made once, however often it is sent. */
export function newKey(): string {
  // `crypto.randomUUID` is there on secure origins only.
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')
}
