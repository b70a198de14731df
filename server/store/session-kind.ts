/** Of a row: which kind of session it is, and as JSON what only that kind has. The columns beside these are of all kinds. */
import type { SessionChange } from '../core/session-store.ts'
import type { SessionRow } from '../core/session.ts'
import { present, toJson } from './json-column.ts'

type StoredKind = 'terminal' | 'command'

interface CommandDetail {
  cwd?: string
}

/** Of a new row: one that does not say that it is a command has a terminal. */
export function kindOf({ run }: SessionChange): StoredKind {
  return run === true ? 'command' : 'terminal'
}

/** What a change says of them. Absent: it stays. */
export function toKindColumns(change: SessionChange): { kind?: StoredKind; detail?: string } {
  const { run, cwd } = change
  const detail: CommandDetail | undefined = cwd === undefined ? undefined : { cwd }
  return present({ kind: run === undefined ? undefined : kindOf(change), detail: toJson(detail) })
}

export function fromKindColumns(kind: string, detail: string | null): Pick<SessionRow, 'run' | 'cwd'> {
  const { cwd } = JSON.parse(detail ?? '{}') as CommandDetail
  return { ...(kind === 'command' && { run: true }), ...(cwd !== undefined && { cwd }) }
}
