/** The terminal workspace of one session. */
export function TerminalPage({ sessionId }: { sessionId: string }) {
  return <main aria-label={`Terminal of session ${sessionId}`} />
}
