declare global {
  /** Requests that `head/early.js` has made while the app was still being read, by their URL. */
  var hatchwayBegun: Record<string, Promise<Response>> | undefined
}

/** The answer to a request that is under way already; each is good once. */
export function takeBegun(url: string): Promise<Response> | undefined {
  const begun = globalThis.hatchwayBegun?.[url]
  delete globalThis.hatchwayBegun?.[url]
  return begun
}
