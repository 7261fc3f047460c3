// Opens the desk without a network: the last page that was served, and the assets, which never change under their name.
// The API is never answered from here.
const SHELF = 'desk-1'

addEventListener('install', () => skipWaiting())
addEventListener('activate', (event) => event.waitUntil(clients.claim()))

addEventListener('fetch', (event) => {
  const { request } = event
  const url = new URL(request.url)
  if (request.method !== 'GET' || url.origin !== location.origin) return
  if (url.pathname.startsWith('/assets/')) event.respondWith(asset(request))
  else if (request.mode === 'navigate' && isScreen(url.pathname)) event.respondWith(screen(request))
})

function isScreen(path) {
  return !/^\/(api|internal|docs|openapi\.json|healthz|readyz|metrics)(\/|$)/.test(path)
}

async function asset(request) {
  const shelf = await caches.open(SHELF)
  const found = await shelf.match(request)
  if (found) return found
  const response = await fetch(request)
  if (response.ok) await shelf.put(request, response.clone())
  return response
}

async function screen(request) {
  const shelf = await caches.open(SHELF)
  try {
    const response = await fetch(request)
    if (response.status < 500) {
      if (response.ok && (response.headers.get('Content-Type') ?? '').startsWith('text/html')) {
        await shelf.put('/', response.clone())
      }
      return response
    }
  } catch {
    // No network: below.
  }
  return (await shelf.match('/')) ?? Response.error()
}

// What the open page has loaded before this worker stood beside it.
addEventListener('message', async (event) => {
  const shelf = await caches.open(SHELF)
  for (const url of event.data.keep ?? []) {
    if (!(await shelf.match(url))) await shelf.add(url).catch(() => {})
  }
  const kept = new Set(event.data.keep ?? [])
  for (const request of await shelf.keys()) {
    const { pathname } = new URL(request.url)
    if (event.data.all && pathname.startsWith('/assets/') && !kept.has(pathname)) await shelf.delete(request)
  }
})
