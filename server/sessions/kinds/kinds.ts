import type { SessionRow } from '../../core/session.ts'
import type { SessionKindName } from '../../core/vocabulary.ts'
import { command } from './command.ts'
import type { SessionKind } from './session-kind.ts'
import { terminal } from './terminal.ts'

const kinds: Record<SessionKindName, SessionKind> = { terminal, command }

export function kindOf({ kind }: Pick<SessionRow, 'kind'>): SessionKind {
  return kinds[kind]
}
