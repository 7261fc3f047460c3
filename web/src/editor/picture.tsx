/** A picture on its way into the text: shown at once, uploaded meanwhile, and its alternative text asked for. */
import { type FormEvent, useEffect, useMemo, useRef, useState } from 'react'
import { api, ask, Failure, type Image, newKey } from '../api/client'
import { explain, type Messages, useMessages } from '../i18n'
import { Button, Dialog, Field } from '../ui/parts'

const MOST_BYTES = 10_000_000

function upload(file: File, key: string): Promise<Image> {
  const form = new FormData()
  form.set('file', file)
  const params = { header: { 'Idempotency-Key': key } }
  return ask(
    api.POST('/api/v1/uploads/images', { params, body: form as never, bodySerializer: (body) => body as never }),
  )
}

function whyNot(error: unknown, t: Messages): string {
  const damaged = error instanceof Failure && error.status === 422
  return damaged ? t.pictureDamaged : explain(error, t)
}

/** Markdown for a picture; what would end the brackets is taken apart. */
export function pictureText(alt: string, id: string): string {
  const safe = alt
    .replace(/\s+/g, ' ')
    .replace(/[\\[\]`<*_]/g, '\\$&')
    .trim()
  return `![${safe}](/api/v1/media/${id}/large)`
}

export function PictureDialog({ file, done }: { file: File; done: (text: string | null) => void }) {
  const t = useMessages()
  const [alt, setAlt] = useState('')
  const [image, setImage] = useState<Image | null>(null)
  const [error, setError] = useState<string | null>(null)
  const key = useRef(newKey())
  const url = useMemo(() => URL.createObjectURL(file), [file])
  useEffect(() => () => URL.revokeObjectURL(url), [url])
  const send = () => {
    setError(null)
    if (file.size > MOST_BYTES) return setError(t.pictureLarge)
    upload(file, key.current).then(setImage, (failed) => setError(whyNot(failed, t)))
  }
  const begin = useRef(send)
  useEffect(() => begin.current(), [])
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (image) done(pictureText(alt, image.id))
  }
  return (
    <Dialog title={t.addPicture} close={() => done(null)}>
      <form className="form" onSubmit={submit}>
        <img className="uploading" src={url} alt="" />
        <Field
          label={t.altLabel}
          hint={t.altHint}
          maxLength={1000}
          value={alt}
          onChange={(e) => setAlt(e.target.value)}
        />
        <p aria-live="polite" className="quiet">
          {!image && !error && t.uploading}
          {image?.status === 'processing' && t.pictureProcessing}
        </p>
        {error && (
          <p role="alert" className="error">
            {error}
          </p>
        )}
        <div className="row">
          <button type="submit" className="button primary" disabled={!image}>
            {t.insert}
          </button>
          {error && <Button onClick={send}>{t.tryAgain}</Button>}
          <Button onClick={() => done(null)}>{t.cancel}</Button>
        </div>
      </form>
    </Dialog>
  )
}
