/** The text box of a page: CodeMirror 6, with its own history, the browser's spell check, and nothing that disturbs. */
import { defaultKeymap, history, historyKeymap, insertNewline } from '@codemirror/commands'
import { openSearchPanel, search, searchKeymap } from '@codemirror/search'
import { Annotation, EditorState, type Extension, Text, Transaction } from '@codemirror/state'
import { drawSelection, EditorView, highlightActiveLine, keymap, panels, placeholder } from '@codemirror/view'
import type { Words } from '../words/way'
import { changesBetween } from './changes'
import { grammar } from './grammar'
import { pictures } from './inline'
import { phrases } from './phrases'
import '../style/codemirror.css'

export interface Hooks {
  changed(content: Words): void
  composing(on: boolean): void
  save(): void
  /** Pictures were pasted or dropped. */
  files(files: File[]): void
}

/** Marks text that came from elsewhere. */
const placed = Annotation.define<boolean>()

export function images(data: DataTransfer | null): File[] {
  return [...(data?.files ?? [])].filter(({ type }) => type.startsWith('image/'))
}

/** Text processors lay a picture of the text beside the text. */
function isText(data: DataTransfer | null): boolean {
  return Boolean(data?.types.includes('text/html') && data.getData('text/plain').trim())
}

function listening(hooks: Hooks): Extension {
  const take = (event: Event, files: File[]) => {
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
      paste: (event) => take(event, isText(event.clipboardData) ? [] : images(event.clipboardData)),
      drop(event, view) {
        const files = images(event.dataTransfer)
        const at = view.posAtCoords({ x: event.clientX, y: event.clientY })
        if (at !== null && files.length) view.dispatch({ selection: { anchor: at } })
        return take(event, files)
      },
    }),
  ]
}

/** What lets the editor's own styles through the page's policy. */
function nonce(): string {
  return document.querySelector<HTMLMetaElement>('meta[name="style-nonce"]')?.content ?? ''
}

export interface Place {
  parent: HTMLElement
  /** Where find and replace are shown. */
  panels: HTMLElement
  label: string
  language: string
}

/** What covers the text above and below, so that the line that is written never hides; in focus mode it stays in the
 * middle. */
function margins(view: EditorView) {
  const { dom } = view
  if (dom.closest('.focus')) return { top: innerHeight * 0.4, bottom: innerHeight * 0.4 }
  const above = dom.closest('main')?.querySelector('.above')
  return { top: (above?.clientHeight ?? 0) + 16, bottom: innerHeight * 0.15 }
}

export function createEditor(place: Place, doc: string, hooks: Hooks): EditorView {
  const { parent, label, language } = place
  const save = () => {
    hooks.save()
    return true
  }
  const text = Text.of(doc.split('\n'))
  const extensions = [
    history(),
    drawSelection(),
    search({ top: true }),
    panels({ topContainer: place.panels }),
    EditorView.scrollMargins.of(margins),
    EditorView.clipboardInputFilter.of((pasted) => pasted.replaceAll('\0', '').toWellFormed()),
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
  view.dispatch({ selection: { anchor: at }, effects: EditorView.scrollIntoView(at, { y: 'start' }) })
  view.focus()
}
