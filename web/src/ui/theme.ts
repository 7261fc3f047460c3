/** Dark or light: chosen, or the system's. */
import { stored } from './stored'

export type Theme = 'system' | 'light' | 'dark'
export const themes: Theme[] = ['system', 'light', 'dark']
export const chosenTheme = stored<Theme>('sinpluma.theme', 'system', (value) => themes.includes(value as Theme))

function apply(): void {
  const theme = chosenTheme.get()
  if (theme === 'system') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme
}

chosenTheme.listen(apply)
apply()
