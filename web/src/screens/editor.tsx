/** Writing one page. */
import type { EditorView } from '@codemirror/view'
import { lazy, useCallback, useEffect, useRef, useState } from 'react'
import { session } from '../api/session'
import { Clash } from '../editor/clash'
import { createEditor, find, goTo, images, insert, place } from '../editor/codemirror'
import { PictureDialog } from '../editor/picture'
import { StatusRegion } from '../editor/status'
import { type PreviewMode, Toolbar } from '../editor/toolbar'
import { Outline, Preview, WordCount } from '../editor/views'
import { chosenLanguage, useMessages } from '../i18n'
import { useLoaded, useTitle } from '../ui/hooks'
import { Problem, TitleBox } from '../ui/parts'
import { Link, useQuery } from '../ui/router'
import { titleOf } from '../ui/titles'
import { type OpenPage, openPage } from '../words/desk'
import type { State, Words } from '../words/way'
import '../style/editor.css'

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
  const panels = useRef<HTMLDivElement>(null)
  const fresh = useQuery().has('new')
  const titled = useRef(title)
  useTitle(title)

  const typed = useCallback(
    (content: Words) => keeper.tell({ type: 'typed', title: titleOf(titled.current, t.untitled), content }),
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
  useDrops(setFiles)
  useSaveKey(() => keeper.tell({ type: 'save' }))
  const inserted = (text: string | null) => {
    setFiles(files.slice(1))
    if (text && view.current) insert(view.current, text)
  }
  const choose = (which: 'mine' | 'theirs') => keeper.tell({ type: 'chose', which })
  useReturn(state.clash !== null || files.length > 0, () => view.current?.focus())
  const tools = { mode, setMode, outline, setOutline, focus, setFocus, open, state }
  const withView = (call: (view: EditorView) => void) => () => view.current && call(view.current)
  return (
    <main id="main" className={`writing ${focus ? 'focus' : ''} preview-${mode}`}>
      <div className="above">
        <Link href={`/notebooks/${open.draft.notebookId}`} className="button plain back">
          ← {t.back}
        </Link>
        <StatusRegion state={state} />
        <Toolbar
          {...tools}
          find={withView(find)}
          files={setFiles}
          insert={(text) => view.current && insert(view.current, text)}
        />
        <Merged count={state.merges} />
        <div ref={panels} className="panels" />
      </div>
      {state.clash && <Clash state={state} choose={choose} />}
      <div className="desk" hidden={state.clash !== null}>
        {outline && <Outline content={state.draft.content} go={(at) => view.current && goTo(view.current, at)} />}
        <div className="paper" hidden={mode === 'instead'}>
          <TitleBox
            value={title}
            change={rename}
            leave={() => view.current?.focus()}
            placeholder={t.untitled}
            fresh={fresh}
          />
          <TextBox open={open} view={view} panels={panels} typed={typed} files={setFiles} />
        </div>
        {mode !== 'off' && <Preview title={titleOf(title, t.untitled)} content={state.draft.content} />}
      </div>
      <WordCount content={state.draft.content} pageId={state.draft.pageId} />
      {files[0] && <PictureDialog key={files.length} file={files[0]} done={inserted} />}
    </main>
  )
}

interface TextProps {
  open: OpenPage
  view: { current: EditorView | null }
  panels: { current: HTMLDivElement | null }
  typed: (content: Words) => void
  files: (files: File[]) => void
}

function TextBox({ open, view, panels, typed, files }: TextProps) {
  const t = useMessages()
  const parent = useRef<HTMLDivElement>(null)
  const hooks = useRef({ typed, files })
  hooks.current = { typed, files }
  useEffect(() => {
    if (!parent.current || !panels.current) return
    const place = { parent: parent.current, panels: panels.current, label: t.text, language: chosenLanguage.get() }
    const made = createEditor(place, open.draft.content.toString(), {
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
  }, [open, view, panels, t])
  return <div ref={parent} className="text" />
}

/** Back to the text, once what hid it is over. */
function useReturn(away: boolean, back: () => void): void {
  const was = useRef(away)
  useEffect(() => {
    if (was.current && !away) back()
    was.current = away
  })
}

/** A file that is dropped beside the text is no reason for the browser to leave the page. */
function useDrops(take: (files: File[]) => void): void {
  useEffect(() => {
    const over = (event: DragEvent) => event.dataTransfer?.types.includes('Files') && event.preventDefault()
    const drop = (event: DragEvent) => {
      if (event.defaultPrevented || !event.dataTransfer?.files.length) return
      event.preventDefault()
      take(images(event.dataTransfer))
    }
    addEventListener('dragover', over)
    addEventListener('drop', drop)
    return () => {
      removeEventListener('dragover', over)
      removeEventListener('drop', drop)
    }
  }, [take])
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
      {count > 1 && ` (${count})`}
    </p>
  )
}
