/** A field that saves itself: when it is left, or after a rest. What is not saved yet is kept on this device. */
import { type ReactNode, useEffect, useRef, useState } from 'react'
import { Failure } from '../api/client'
import { Fault } from './parts'
import { recall, retain } from './stored'

const REST_MS = 800
const RETRY_MS = 5000

export interface Editing {
  value: string
  change: (value: string) => void
  leaving: () => void
}

interface Props {
  /** Under which it is kept on this device. */
  name: string
  value: string
  /** Whether nothing at all is worth saving before the field is left. */
  mayBeEmpty: boolean
  save: (value: string) => Promise<void>
  children: (editing: Editing) => ReactNode
}

export function SelfSaving({ name, value, mayBeEmpty, save, children }: Props) {
  const [typed, setTyped] = useState(() => recall(name))
  const [error, setError] = useState<unknown>(null)
  const timer = useRef(0)
  const sending = useRef(Promise.resolve())
  const send = (next: string) => {
    clearTimeout(timer.current)
    const done = () => {
      setError(null)
      setTyped((now) => (now === next ? null : now))
      if (recall(name) === next) retain(name, null)
    }
    const failed = (why: unknown) => {
      setError(why)
      const { status } = why instanceof Failure ? why : { status: 0 }
      if (status === 0 || status === 429 || status >= 500) timer.current = window.setTimeout(() => send(next), RETRY_MS)
    }
    // One after the other, so that the last one stays.
    sending.current = sending.current.then(() => save(next)).then(done, failed)
  }
  const begin = useRef(() => {
    if (typed !== null) send(typed)
  })
  useEffect(() => begin.current(), [])
  const editing: Editing = {
    value: typed ?? value,
    change(next: string) {
      setTyped(next)
      retain(name, next)
      clearTimeout(timer.current)
      if (mayBeEmpty || next.trim()) timer.current = window.setTimeout(() => send(next), REST_MS)
    },
    leaving() {
      if (typed !== null) send(typed)
    },
  }
  return (
    <>
      {children(editing)}
      <Fault error={error} />
    </>
  )
}
