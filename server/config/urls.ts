/** Undefined when it is not one. */
export function parseUrl(value: string): URL | undefined {
  return URL.parse(value) ?? undefined
}

/** 127.0.0.0/8, ::1 (with or without brackets) and the name localhost. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '')
  return bare === 'localhost' || bare === '::1' || /^127(\.\d{1,3}){3}$/.test(bare)
}
