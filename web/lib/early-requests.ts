declare global {
  /** Requests that `head/early.js` has made while the app was still being read, by their URL. */
  var hatchwayEarly: Record<string, Promise<Response>> | undefined
}

/** The answer to a request that is under way already; each is good once. */
export function takeEarly(url: string): Promise<Response> | undefined {
  const answer = globalThis.hatchwayEarly?.[url]
  delete globalThis.hatchwayEarly?.[url]
  return answer
}
