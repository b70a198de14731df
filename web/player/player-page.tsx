/** Replays one session's recording, from `startAt` seconds on. */
export function PlayerPage({ sessionId, startAt = 0 }: { sessionId: string; startAt?: number }) {
  return <main aria-label={`Recording of session ${sessionId} from ${startAt} s`} />
}
