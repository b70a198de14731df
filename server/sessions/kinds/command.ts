import type { SessionDetail } from '../../core/session.ts'
import { shownCommand } from '../../protocol/shown-command.ts'
import { CollectedOutput } from './collected-output.ts'
import type { SessionKind } from './session-kind.ts'

/** One command without a terminal: nobody types into it, and it ends with the command, or with the gateway. */
export const command: SessionKind = {
  name: 'command',
  noun: 'command',
  action: 'run',
  interactive: false,
  reattaches: false,
  recordedFirst: true,
  open: (access, ...how) => access.run(...how),
  collect: () => new CollectedOutput(),
  spec: cwdOf,
  facts(detail) {
    const { cwd } = cwdOf(detail)
    return cwd === undefined ? {} : { cwd: shownCommand([cwd]).slice(0, 500) }
  },
  describe: (detail) => ({ run: true, ...cwdOf(detail) }),
}

/** Where it begins, as DebugSpec says. */
function cwdOf({ cwd }: SessionDetail): { cwd?: string } {
  return typeof cwd === 'string' ? { cwd } : {}
}
