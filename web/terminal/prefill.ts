import { printable } from '../lib/printable.ts'

const waiting = new Map<string, string>()

/** Has `text` typed at the session's first prompt, without a line end: running it stays the user's own act. */
export function prefillPrompt(sessionId: string, text: string): void {
  const typed = printable(text).slice(0, 2000)
  if (typed !== '') waiting.set(sessionId, typed)
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
