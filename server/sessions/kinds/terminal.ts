import type { SessionKind } from './session-kind.ts'

/** A shell in a terminal. */
export const terminal: SessionKind = {
  name: 'terminal',
  noun: 'session',
  action: 'open',
  interactive: true,
  reattaches: true,
  recordedFirst: false,
  open: (access, ...how) => access.open(...how),
  spec: () => ({}),
  facts: () => ({}),
  describe: () => ({}),
}
