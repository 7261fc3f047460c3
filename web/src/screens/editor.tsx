/** Writing one page. */
import type { EditorView } from '@codemirror/view'
import { lazy, useCallback, useEffect, useRef, useState } from 'react'
import { session } from '../api/session'
import { Clash } from '../editor/clash'
import { createEditor, find, goTo, insert, place } from '../editor/codemirror'
import { PictureDialog } from '../editor/picture'
import { StatusRegion } from '../editor/status'
import { type PreviewMode, Toolbar } from '../editor/toolbar'
import { Outline, Preview, WordCount } from '../editor/views'
import { chosenLanguage, useMessages } from '../i18n'
import { useLoaded, useTitle } from '../ui/hooks'
import { Problem } from '../ui/parts'
import { navigate, useQuery } from '../ui/router'
import { type OpenPage, openPage } from '../words/desk'
import type { State, Words } from '../words/way'

const Reading = lazy(() => import('./reading'))

interface Place {
  notebookId: string
  pageId: string
}

export default function EditorScreen({ notebookId, pageId }: Place) {
  const owner = session.user?.id ?? ''
  const loaded = useLoaded(`${owner} ${pageId}`, () => openPage(owner, notebookId, pageId))
  if (loaded.data) return <Writing open={loaded.data} />
  const notMine = (loaded.error as { status?: number } | null)?.status === 404
  if (notMine) return <Reading notebookId={notebookId} pageId={pageId} />
  return (
    <main id="main" className="column" aria-busy={!loaded.error}>
      <Problem error={loaded.error} retry={loaded.reload} />
    </main>
  )
}

function Writing({ open }: { open: OpenPage }) {
  const t = useMessages()
  const { keeper } = open
  const [state, setState] = useState<State>(keeper.state)
  const [title, setTitle] = useState(open.draft.title)
  const [mode, setMode] = useState<PreviewMode>('off')
  const [outline, setOutline] = useState(false)
  const [focus, setFocus] = useState(false)
  const [files, setFiles] = useState<File[]>([])
  const view = useRef<EditorView | null>(null)
  const titled = useRef(title)
  useTitle(title)

  const typed = useCallback(
    (content: Words) => keeper.tell({ type: 'typed', title: titled.current.trim() || t.untitled, content }),
    [keeper, t],
  )
  const rename = (next: string) => {
    setTitle(next)
    titled.current = next
    typed(view.current?.state.doc ?? keeper.state.draft.content)
  }
  useEffect(
    () =>
      open.look({
        told: setState,
        place: (text) => {
          titled.current = text.title
          setTitle(text.title)
          if (view.current) place(view.current, text.content)
        },
      }),
    [open],
  )
  useSaveKey(() => keeper.tell({ type: 'save' }))
  const inserted = (text: string | null) => {
    setFiles(files.slice(1))
    if (text && view.current) insert(view.current, text)
  }
  const tools = { mode, setMode, outline, setOutline, focus, setFocus, open, state }
  const withView = (call: (view: EditorView) => void) => () => view.current && call(view.current)
  return (
    <main id="main" className={`writing ${focus ? 'focus' : ''} preview-${mode}`}>
      <Toolbar
        {...tools}
        find={withView(find)}
        files={setFiles}
        insert={(text) => view.current && insert(view.current, text)}
      />
      <StatusRegion state={state} />
      <Merged count={state.merges} />
      {state.clash && <Clash state={state} choose={(which) => keeper.tell({ type: 'chose', which })} />}
      <div className="desk" hidden={state.clash !== null}>
        {outline && <Outline content={state.draft.content} go={(at) => view.current && goTo(view.current, at)} />}
        <div className="paper">
          <TitleBox title={title} rename={rename} leave={() => view.current?.focus()} />
          <TextBox open={open} view={view} typed={typed} files={setFiles} hidden={mode === 'instead'} />
        </div>
        {mode !== 'off' && <Preview content={state.draft.content} />}
      </div>
      <WordCount content={state.draft.content} pageId={state.draft.pageId} />
      {files[0] && <PictureDialog key={files.length} file={files[0]} done={inserted} />}
    </main>
  )
}

function TitleBox({ title, rename, leave }: { title: string; rename: (title: string) => void; leave: () => void }) {
  const t = useMessages()
  const fresh = useQuery().has('new')
  const ref = useRef<HTMLInputElement>(null)
  useEffect(() => {
    if (!fresh) return
    ref.current?.select()
    navigate(location.pathname, 'replace')
  }, [fresh])
  return (
    <input
      ref={ref}
      className="title"
      aria-label={t.title}
      placeholder={t.untitled}
      maxLength={200}
      value={title}
      onChange={(event) => rename(event.target.value)}
      onKeyDown={(event) => {
        if (event.key !== 'Enter' || event.nativeEvent.isComposing) return
        event.preventDefault()
        leave()
      }}
    />
  )
}

interface TextProps {
  open: OpenPage
  view: { current: EditorView | null }
  typed: (content: Words) => void
  files: (files: File[]) => void
  hidden: boolean
}

function TextBox({ open, view, typed, files, hidden }: TextProps) {
  const t = useMessages()
  const parent = useRef<HTMLDivElement>(null)
  const hooks = useRef({ typed, files })
  hooks.current = { typed, files }
  useEffect(() => {
    if (!parent.current) return
    const made = createEditor(parent.current, open.draft.content.toString(), t.text, chosenLanguage.get(), {
      changed: (content) => hooks.current.typed(content),
      composing: (on) => open.keeper.tell({ type: 'composing', on }),
      save: () => open.keeper.tell({ type: 'save' }),
      files: (found) => hooks.current.files(found),
    })
    view.current = made
    return () => {
      made.destroy()
      view.current = null
    }
  }, [open, view, t])
  return <div ref={parent} className="text" hidden={hidden} />
}

/** Ctrl-S saves wherever the cursor is. */
function useSaveKey(save: () => void): void {
  const latest = useRef(save)
  latest.current = save
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== 's' || !(event.ctrlKey || event.metaKey) || event.defaultPrevented) return
      event.preventDefault()
      latest.current()
    }
    addEventListener('keydown', press)
    return () => removeEventListener('keydown', press)
  }, [])
}

function Merged({ count }: { count: number }) {
  const t = useMessages()
  return (
    <p aria-live="polite" className="told">
      {count > 0 && t.merged}
    </p>
  )
}
