import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { session } from './api/session'
import { App } from './app'
import './ui/theme'
import './style/paper.css'
import './style/parts.css'
import './style/frame.css'
import { recall, retain } from './ui/stored'
import { watch } from './words/desk'

// A part of the desk is gone because a newer desk was built: load that one.
addEventListener('vite:preloadError', () => {
  const last = Number(recall('sinpluma.reloaded') ?? 0)
  if (Math.abs(Date.now() - last) < 10_000) return
  retain('sinpluma.reloaded', String(Date.now()))
  if (recall('sinpluma.reloaded')) location.reload()
})

watch()
void session.begin()
createRoot(document.getElementById('desk') as HTMLElement).render(
  <StrictMode>
    <App />
  </StrictMode>,
)

/** The worker opens the desk without a network; it is given all that the desk may need then. */
async function prepareForNoNetwork(): Promise<void> {
  const { active } = await navigator.serviceWorker.register('/sw.js').then(() => navigator.serviceWorker.ready)
  const keep = ['/', ...(await (await fetch('/assets.json')).json())]
  active?.postMessage({ keep, all: true })
}

if (import.meta.env.PROD && 'serviceWorker' in navigator) {
  addEventListener('load', () => setTimeout(() => void prepareForNoNetwork().catch(() => {}), 2000))
}
