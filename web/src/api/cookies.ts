const PROBE = 'sinpluma.probe'

/** Whether this browser keeps cookies; `navigator.cookieEnabled` says so in Chromium even when they are switched off. */
export function cookiesWork(): boolean {
  put(5)
  const works = document.cookie.includes(`${PROBE}=1`)
  put(0)
  return works
}

function put(seconds: number): void {
  // biome-ignore lint/suspicious/noDocumentCookie: what is to be used instead is not everywhere
  document.cookie = `${PROBE}=1; SameSite=Strict; Max-Age=${seconds}`
}
