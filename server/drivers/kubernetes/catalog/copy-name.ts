/** How a debug copy of a pod is named and known again. Pure. */

/** By these a copy is known again. */
export const copyLabels = { session: 'hatchway.session', installation: 'hatchway.installation' } as const
const longestName = 63

/** The pod's own name, shortened to what a name may have, and the session. */
export function copyName(original: string, sessionId: string): string {
  const end = `-${copyEnding(sessionId)}`
  const start = original.slice(0, longestName - end.length).replace(/[-.]+$/, '')
  return `${start}${end}`
}

/** Both are looked at: anybody who may change a pod can label it, but nobody can rename it. */
export function sessionOfCopy(name: string, labels: Readonly<Record<string, string>>): string | undefined {
  const session = labels[copyLabels.session]
  return session !== undefined && isCopyName(name, session) ? session : undefined
}

export function isCopyName(name: string, sessionId: string): boolean {
  return sessionId !== '' && name.endsWith(`-${copyEnding(sessionId)}`)
}

/** What a session's copy ends with, and nothing else is named. */
export function copyEnding(sessionId: string): string {
  return `hatchway-${sessionId}`
}
