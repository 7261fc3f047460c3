/** Uploading pictures. */
import { explain, type Messages } from '../i18n'
import { api, ask, Failure, type Image, patient } from './client'

const MOST_BYTES = 10_000_000

/** `key`: sent again under it, the picture is stored once.
 * @throws {Failure} it is refused, or nobody knows. */
export async function upload(file: File, key: string): Promise<Image> {
  if (file.size > MOST_BYTES) throw new Failure(413, 'too large')
  const form = new FormData()
  form.set('file', file)
  const body = { body: form as never, bodySerializer: (same: unknown) => same as never }
  const params = { header: { 'Idempotency-Key': key } }
  return ask(api.POST('/api/v1/uploads/images', { params, ...body, fetch: patient(file.size) }))
}

export function whyNot(error: unknown, t: Messages): string {
  return error instanceof Failure && error.status === 422 ? t.pictureDamaged : explain(error, t)
}
