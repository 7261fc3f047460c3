/** What CodeMirror says, in Spanish. */
import { EditorState, type Extension } from '@codemirror/state'

const spanish = {
  'Control character': 'Carácter de control',
  Find: 'Buscar',
  Replace: 'Reemplazar',
  next: 'siguiente',
  previous: 'anterior',
  all: 'todo',
  'match case': 'mayúsculas y minúsculas',
  regexp: 'expresión regular',
  'by word': 'palabra entera',
  replace: 'reemplazar',
  'replace all': 'reemplazar todo',
  close: 'cerrar',
  'current match': 'coincidencia actual',
  'on line': 'en la línea',
  'replaced $ matches': '$ coincidencias reemplazadas',
  'replaced match on line $': 'coincidencia reemplazada en la línea $',
  'Go to line': 'Ir a la línea',
  go: 'ir',
}

export function phrases(language: string): Extension {
  return language === 'es' ? EditorState.phrases.of(spanish) : []
}
