/** A picture on its way into the text: shown at once, uploaded meanwhile, and its alternative text asked for. */
import { type FormEvent, useEffect, useMemo, useRef, useState } from 'react'
import { type Image, newKey } from '../api/client'
import { upload, whyNot } from '../api/pictures'
import { useMessages } from '../i18n'
import { Button, Dialog, Fault, Field } from '../ui/parts'

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
        <Fault error={error} />
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
