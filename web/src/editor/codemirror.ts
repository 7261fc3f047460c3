/** The text box of a page: CodeMirror 6, with its own history, the browser's spell check, and nothing that disturbs. */
import { defaultKeymap, history, historyKeymap, insertNewline } from '@codemirror/commands'
import { openSearchPanel, search, searchKeymap } from '@codemirror/search'
import { Annotation, EditorState, type Extension, Text, Transaction } from '@codemirror/state'
import { drawSelection, EditorView, highlightActiveLine, keymap, placeholder } from '@codemirror/view'
import type { Words } from '../words/way'
import { changesBetween } from './changes'
import { grammar } from './grammar'
import { pictures } from './inline'
import { phrases } from './phrases'

export interface Hooks {
  changed(content: Words): void
  composing(on: boolean): void
  save(): void
  /** Pictures were pasted or dropped. */
  files(files: File[]): void
}

/** Marks text that came from elsewhere. */
const placed = Annotation.define<boolean>()

function listening(hooks: Hooks): Extension {
  const images = (data: DataTransfer | null) => [...(data?.files ?? [])].filter(({ type }) => type.startsWith('image/'))
  const take = (event: Event, data: DataTransfer | null) => {
    const files = images(data)
    if (!files.length) return false
    event.preventDefault()
    hooks.files(files)
    return true
  }
  return [
    EditorView.updateListener.of((update) => {
      const typed = update.transactions.some((each) => each.docChanged && !each.annotation(placed))
      if (typed) hooks.changed(update.state.doc)
    }),
    EditorView.domEventHandlers({
      compositionstart: () => hooks.composing(true),
      // The editor reads what was composed a moment after the event.
      compositionend: () => void setTimeout(() => hooks.composing(false), 100),
      paste: (event) => take(event, event.clipboardData),
      drop(event, view) {
        const at = view.posAtCoords({ x: event.clientX, y: event.clientY })
        if (at !== null && images(event.dataTransfer).length) view.dispatch({ selection: { anchor: at } })
        return take(event, event.dataTransfer)
      },
    }),
  ]
}

/** What lets the editor's own styles through the page's policy. */
function nonce(): string {
  return document.querySelector<HTMLMetaElement>('meta[name="style-nonce"]')?.content ?? ''
}

export function createEditor(
  parent: HTMLElement,
  doc: string,
  label: string,
  language: string,
  hooks: Hooks,
): EditorView {
  const save = () => {
    hooks.save()
    return true
  }
  const text = Text.of(doc.split('\n'))
  const extensions = [
    history(),
    drawSelection(),
    search({ top: true }),
    grammar(text),
    highlightActiveLine(),
    EditorView.lineWrapping,
    placeholder('…'),
    pictures,
    phrases(language),
    EditorView.cspNonce.of(nonce()),
    EditorView.contentAttributes.of({
      'aria-label': label,
      spellcheck: 'true',
      autocorrect: 'on',
      autocapitalize: 'sentences',
    }),
    keymap.of([
      { key: 'Mod-s', run: save, preventDefault: true },
      { key: 'Enter', run: insertNewline },
      ...searchKeymap,
      ...historyKeymap,
      ...defaultKeymap,
    ]),
    listening(hooks),
  ]
  return new EditorView({ parent, state: EditorState.create({ doc: text, extensions }) })
}

/** Bring the text to what it should be, as changes: the cursor, the selection and the undo history stay. */
export function place(view: EditorView, content: string): void {
  const changes = changesBetween(view.state.doc.toString(), content)
  if (!changes.length) return
  view.dispatch({ changes, annotations: [placed.of(true), Transaction.addToHistory.of(false)] })
}

/** Write something where the cursor is, on a line of its own when it is a block. */
export function insert(view: EditorView, text: string): void {
  view.dispatch(view.state.replaceSelection(text))
  view.focus()
}

export function find(view: EditorView): void {
  openSearchPanel(view)
}

export function goTo(view: EditorView, at: number): void {
  view.dispatch({ selection: { anchor: at }, effects: EditorView.scrollIntoView(at, { y: 'start', yMargin: 120 }) })
  view.focus()
}
