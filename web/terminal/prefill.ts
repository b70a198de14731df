// Printable only: no line end that would run it, no escape that would edit it.
const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu
const waiting = new Map<string, string>()

/** Has `text` typed at the session's first prompt, without a line end: running it stays the user's own act. */
export function prefillPrompt(sessionId: string, text: string): void {
  const printable = text.replaceAll(unprintable, '').trim().slice(0, 2000)
  if (printable !== '') waiting.set(sessionId, printable)
}

export function hasPrefill(sessionId: string): boolean {
  return waiting.has(sessionId)
}

/** What to type there; each text is handed out once. */
export function takePrefill(sessionId: string): string | undefined {
  const text = waiting.get(sessionId)
  waiting.delete(sessionId)
  return text
}
