/** Where lists were left: with their filters, so that the way back from one of their rows leads there. */
const places = new Map<string, string>()

/** `path` is the list's own, `search` what its address has behind it. */
export function rememberList(path: string, search: string): void {
  places.set(path, search)
}

/** The list as it was last seen; as a whole when it was not. */
export function listPlace(path: string): string {
  return path + (places.get(path) ?? '')
}
