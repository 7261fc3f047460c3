/** Pictures of this service are shown beneath the line that places them. */
import { type Extension, type Range, RangeSetBuilder } from '@codemirror/state'
import {
  Decoration,
  type DecorationSet,
  type EditorView,
  ViewPlugin,
  type ViewUpdate,
  WidgetType,
} from '@codemirror/view'

const PICTURE = /!\[((?:[^\]\\]|\\.)*)\]\((\/api\/v1\/media\/[0-9a-f]{32}\/)(?:original|large|medium|small)\)/g
const RETRY_MS = 2000
const MOST_TRIES = 10

class Picture extends WidgetType {
  constructor(
    readonly alt: string,
    readonly base: string,
  ) {
    super()
  }

  override eq(other: Picture): boolean {
    return other.alt === this.alt && other.base === this.base
  }

  override toDOM(view: EditorView): HTMLElement {
    const image = document.createElement('img')
    image.className = 'inline-picture'
    image.alt = this.alt
    image.src = `${this.base}medium`
    let tries = 0
    image.onload = () => view.requestMeasure()
    // It may still be in the making.
    image.onerror = () => {
      if (tries++ < MOST_TRIES) setTimeout(() => (image.src = `${this.base}medium?try=${tries}`), RETRY_MS)
    }
    return image
  }
}

function shown(view: EditorView): DecorationSet {
  const builder = new RangeSetBuilder<Decoration>()
  const found: Range<Decoration>[] = []
  for (const { from, to } of view.visibleRanges) {
    for (const match of view.state.doc.sliceString(from, to).matchAll(PICTURE)) {
      const end = from + match.index + match[0].length
      found.push(Decoration.widget({ widget: new Picture(match[1] ?? '', match[2] ?? ''), side: 1 }).range(end))
    }
  }
  for (const { from, to, value } of found) builder.add(from, to, value)
  return builder.finish()
}

export const pictures: Extension = ViewPlugin.fromClass(
  class {
    decorations: DecorationSet

    constructor(view: EditorView) {
      this.decorations = shown(view)
    }

    update(update: ViewUpdate): void {
      // While characters are composed, nothing around them may move.
      if (update.view.composing) this.decorations = this.decorations.map(update.changes)
      else if (update.docChanged || update.viewportChanged) this.decorations = shown(update.view)
    }
  },
  { decorations: (plugin) => plugin.decorations },
)
