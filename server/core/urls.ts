/** Undefined when it is not one. */
export function parseUrl(value: string): URL | undefined {
  return URL.parse(value) ?? undefined
}

/** 127.0.0.0/8, ::1 (with or without brackets) and the name localhost. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '')
  return bare === 'localhost' || bare === '::1' || /^127(\.\d{1,3}){3}$/.test(bare)
}

/** https, or http on loopback; without user and password. What goes to such an address nobody on the way can read or change. */
export function isSafeToAsk(value: string): boolean {
  const url = parseUrl(value)
  if (url === undefined || url.username !== '' || url.password !== '') return false
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname))
}
