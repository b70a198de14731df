import type { Session } from '../../server/protocol/session-api.ts'
import { shownCommand } from '../../server/protocol/shown-command.ts'
import { Badge } from './badge.tsx'

/** The pod and its container, where they say more than the reference; nothing in Docker. */
export function podInWords({ target }: Session): string | undefined {
  const { pod, container } = target.resolved
  if (pod === undefined) return undefined
  return container === undefined ? pod : `${pod} / ${container}`
}

/** What the reference leaves open: of a pod that was asked for by name, its container alone. */
export function placeBehindRef(session: Session): string | undefined {
  const { ref, resolved } = session.target
  return ref.split('/')[2] === 'pod' ? resolved.container : podInWords(session)
}

export function PodOf({ session }: { session: Session }) {
  const words = placeBehindRef(session)
  if (words === undefined) return null
  return (
    <span className="mono muted cut" title={words}>
      {words}
    </span>
  )
}

/** It did not run in the pod itself. */
export function CopyBadge({ session }: { session: Session }) {
  if (session.copy !== true) return null
  return (
    <Badge tone="accent" title="It runs in a debug copy of the pod, which goes away with the session">
      copy
    </Badge>
  )
}

/** One command without a terminal, by a program. */
export function RunBadge({ session }: { session: Session }) {
  if (session.run !== true) return null
  return <Badge title="One command without a terminal">run</Badge>
}

/** What ran in place of the toolbox's shell. */
export function CommandLine({ session }: { session: Session }) {
  if (session.command === undefined) return null
  const words = shownCommand(session.command)
  return (
    <div className="pod-line mono cut" title={words}>
      {words}
    </div>
  )
}

/** It was started without the approval that policy asks for. */
export function BreakGlassBadge({ session }: { session: Session }) {
  if (session.breakGlass === undefined) return null
  return (
    <Badge tone="bad" title="Started without the approval that policy asks for">
      break-glass
    </Badge>
  )
}
