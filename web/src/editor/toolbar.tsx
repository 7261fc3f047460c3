/** What can be done with a page besides writing it. */
import { type ChangeEvent, useRef } from 'react'
import { api, ask } from '../api/client'
import { useMessages } from '../i18n'
import { useLoaded } from '../ui/hooks'
import { Button } from '../ui/parts'
import { navigate } from '../ui/router'
import type { OpenPage } from '../words/desk'
import '../style/above.css'

export type PreviewMode = 'off' | 'beside' | 'instead'
const AFTER: Record<PreviewMode, PreviewMode> = { off: 'beside', beside: 'instead', instead: 'off' }

interface Props {
  open: OpenPage
  mode: PreviewMode
  setMode: (mode: PreviewMode) => void
  outline: boolean
  setOutline: (on: boolean) => void
  focus: boolean
  setFocus: (on: boolean) => void
  find: () => void
  files: (files: File[]) => void
  insert: (text: string) => void
}

export function Toolbar({ open, mode, setMode, outline, setOutline, focus, setFocus, find, files, insert }: Props) {
  const t = useMessages()
  const { notebookId, pageId } = open.draft
  const here = `/notebooks/${notebookId}/pages/${pageId}`
  const names = { off: t.previewOff, beside: t.previewBeside, instead: t.previewInstead }
  return (
    <div className="toolbar" role="toolbar" aria-label={t.tools}>
      <Button kind="plain" onClick={() => open.keeper.tell({ type: 'save' })}>
        {t.save}
      </Button>
      <Button kind="plain" onClick={find}>
        {t.findReplace}
      </Button>
      <PictureButton files={files} />
      <PageLink open={open} insert={insert} />
      <Button kind="plain" aria-pressed={outline} onClick={() => setOutline(!outline)}>
        {t.outline}
      </Button>
      <Button
        kind="plain"
        aria-pressed={mode !== 'off'}
        title={names[AFTER[mode]]}
        onClick={() => setMode(AFTER[mode])}
      >
        {t.preview}
      </Button>
      <Button kind="plain" aria-pressed={focus} onClick={() => setFocus(!focus)}>
        {t.focus}
      </Button>
      <HistoryButton href={`${here}/history`} />
    </div>
  )
}

function HistoryButton({ href }: { href: string }) {
  const t = useMessages()
  return (
    <Button kind="plain" onClick={() => navigate(href)}>
      {t.history}
    </Button>
  )
}

function PictureButton({ files }: { files: (files: File[]) => void }) {
  const t = useMessages()
  const input = useRef<HTMLInputElement>(null)
  const chosen = (event: ChangeEvent<HTMLInputElement>) => {
    files([...(event.target.files ?? [])])
    event.target.value = ''
  }
  return (
    <>
      <Button kind="plain" onClick={() => input.current?.click()}>
        {t.picture}
      </Button>
      <input
        ref={input}
        type="file"
        hidden
        accept="image/jpeg,image/png,image/webp,image/gif"
        multiple
        onChange={chosen}
      />
    </>
  )
}

/** A link to another page of the notebook, in the form that readers and imports know. */
function PageLink({ open, insert }: { open: OpenPage; insert: (text: string) => void }) {
  const t = useMessages()
  const { notebookId, pageId } = open.draft
  const path = { notebook_id: notebookId }
  const listed = useLoaded(notebookId, () => ask(api.GET('/api/v1/notebooks/{notebook_id}', { params: { path } })))
  const others = listed.data?.pages.filter(({ id }) => id !== pageId) ?? []
  if (!others.length) return null
  const link = (event: ChangeEvent<HTMLSelectElement>) => {
    const page = others.find(({ id }) => id === event.target.value)
    const title = page?.title.replace(/[\\[\]`<*_]/g, '\\$&')
    if (page) insert(`[${title}](/notebooks/${notebookId}/pages/${page.id})`)
  }
  return (
    <select className="button plain" aria-label={t.linkPage} value="" onChange={link}>
      <option value="">{t.linkPage}</option>
      {others.map(({ id, title }) => (
        <option key={id} value={id}>
          {title}
        </option>
      ))}
    </select>
  )
}
