/** Small parts that many screens are made of. */
import {
  type ButtonHTMLAttributes,
  type InputHTMLAttributes,
  type KeyboardEvent,
  type ReactNode,
  useEffect,
  useId,
  useLayoutEffect,
  useRef,
} from 'react'
import { Failure } from '../api/client'
import { explain, useMessages } from '../i18n'
import { useStanding } from './hooks'
import { Link, navigate } from './router'
import { lineOf } from './titles'

export function Field({ label, hint, error, ...rest }: InputHTMLAttributes<HTMLInputElement> & FieldWords) {
  const id = useId()
  const told = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(' ')
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input id={id} aria-invalid={error ? true : undefined} aria-describedby={told || undefined} {...rest} />
      {hint && (
        <small id={`${id}-hint`} className="quiet">
          {hint}
        </small>
      )}
      {error && (
        <small id={`${id}-error`} className="error">
          {error}
        </small>
      )}
    </div>
  )
}

interface FieldWords {
  label: string
  hint?: string | undefined
  error?: string | undefined
}

export function Button({ kind = '', ...rest }: ButtonHTMLAttributes<HTMLButtonElement> & { kind?: string }) {
  return <button type="button" className={`button ${kind}`} {...rest} />
}

export function Problem({ error, retry }: { error: unknown; retry?: () => void }) {
  const t = useMessages()
  const out = useStanding().kind === 'out'
  if (!error) return null
  const gone = error instanceof Failure && error.status === 404
  return (
    <div className={gone ? 'notice' : 'notice error'} role="alert">
      <p>{gone ? t.notFound : explain(error, t)}</p>
      {retry && !gone && <Button onClick={retry}>{t.tryAgain}</Button>}
      {gone && out && <Button onClick={() => navigate(`/sign-in?next=${location.pathname}`)}>{t.signIn}</Button>}
      {gone && !out && <Link href="/">{t.home}</Link>}
    </div>
  )
}

/** What went wrong; a string is in the writer's words already. */
export function Fault({ error }: { error: unknown }) {
  const t = useMessages()
  if (!error) return null
  return (
    <p role="alert" className="error">
      {typeof error === 'string' ? error : explain(error, t)}
    </p>
  )
}

interface TitleProps {
  value: string
  change: (title: string) => void
  /** Enter was pressed: a title has one line. */
  leave?: () => void
  leaving?: () => void
  placeholder?: string
  disabled?: boolean
  /** It has just been made: the first key replaces the name that stands there. */
  fresh: boolean
}

/** A title, written where it stands, on as many lines as it takes. */
export function TitleBox({ value, change, leave, leaving, placeholder, disabled, fresh }: TitleProps) {
  const t = useMessages()
  const ref = useRef<HTMLTextAreaElement>(null)
  useEffect(() => {
    if (!fresh) return
    ref.current?.select()
    navigate(location.pathname, 'replace')
  }, [fresh])
  const press = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    if (event.key !== 'Enter' || event.nativeEvent.isComposing) return
    event.preventDefault()
    leave?.()
  }
  return (
    <textarea
      ref={ref}
      className="title"
      rows={1}
      aria-label={t.title}
      placeholder={placeholder}
      maxLength={200}
      disabled={disabled}
      value={value}
      onChange={(event) => change(lineOf(event.target.value))}
      onBlur={leaving}
      onKeyDown={press}
    />
  )
}

/** A dialog that keeps the focus inside and closes with Escape. */
export function Dialog({ title, close, children }: { title: string; close?: () => void; children: ReactNode }) {
  const ref = useRef<HTMLDialogElement>(null)
  const id = useId()
  // Closed while it is still in the page: only then the focus goes back to where it was.
  useLayoutEffect(() => {
    const dialog = ref.current
    if (dialog && !dialog.open) dialog.showModal()
    return () => dialog?.close()
  }, [])
  const cancel = (event: { preventDefault(): void }) => {
    event.preventDefault()
    close?.()
  }
  return (
    <dialog ref={ref} aria-labelledby={id} onCancel={cancel}>
      <h2 id={id}>{title}</h2>
      {children}
    </dialog>
  )
}

export function Pages({ page, pages, go }: { page: number; pages: number; go: (page: number) => void }) {
  const t = useMessages()
  if (pages <= 1) return null
  return (
    <nav className="pager" aria-label={t.pageOf(page, pages)}>
      <Button disabled={page <= 1} onClick={() => go(page - 1)}>
        {t.previous}
      </Button>
      <span className="quiet">{t.pageOf(page, pages)}</span>
      <Button disabled={page >= pages} onClick={() => go(page + 1)}>
        {t.next}
      </Button>
    </nav>
  )
}

export function Avatar({ url, name }: { url: string | null; name: string }) {
  if (url) return <img className="avatar" src={url} alt="" width="32" height="32" />
  return (
    <span className="avatar" aria-hidden="true">
      {[...name][0]?.toUpperCase() ?? '·'}
    </span>
  )
}
