/** The order of a list of targets, and a page of it. Pure. */
import { HatchwayError } from '../core/errors.ts'
import type { Target, TargetState } from '../core/target.ts'

/** Where a target stands: rank, environment, namespace, name, kind. */
type Position = readonly [number, string, string, string, string]

const ranks: Record<TargetState, number> = {
  restarting: 0,
  running: 1,
  paused: 1,
  created: 1,
  removing: 1,
  exited: 2,
  dead: 2,
}

export interface TargetPage {
  items: Target[]
  /** Where the next page begins. Absent on the last one. */
  next?: string
}

/**
 * What fails first, what is over last; inside by environment (in the order given), namespace, name and kind. A cursor is a
 * position in that order and no number, so it holds whatever comes and goes between two pages.
 * Throws `invalid_request` for a cursor that no list gave.
 */
export function pageTargets(
  targets: readonly Target[],
  environments: readonly string[],
  { limit, cursor }: { limit: number; cursor?: string },
): TargetPage {
  const order = new Map(environments.map((id, index) => [id, index]))
  const byPosition = (a: Position, b: Position): number =>
    a[0] - b[0] ||
    (order.get(a[1]) ?? 0) - (order.get(b[1]) ?? 0) ||
    compare(a[2], b[2]) ||
    compare(a[3], b[3]) ||
    compare(a[4], b[4])
  const after = cursor === undefined ? undefined : readCursor(cursor)
  const positions = new Map<Target, Position>()
  for (const target of targets) {
    const position = positionOf(target)
    if (after === undefined || byPosition(position, after) > 0) positions.set(target, position)
  }
  const sorted = [...positions].toSorted(([, a], [, b]) => byPosition(a, b))
  const items = sorted.slice(0, limit).map(([target]) => target)
  const last = sorted[limit - 1]?.[1]
  return sorted.length > limit && last !== undefined ? { items, next: writeCursor(last) } : { items }
}

function positionOf({ ref, name, state }: Target): Position {
  const [namespace, kind] = ref.kind === 'docker' ? ['', ''] : [ref.namespace, ref.workload]
  return [ranks[state], ref.environment, namespace, name, kind]
}

function writeCursor(position: Position): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url')
}

function readCursor(text: string): Position {
  try {
    const [rank, ...rest] = JSON.parse(Buffer.from(text, 'base64url').toString()) as unknown[]
    if (typeof rank === 'number' && rest.length === 4 && rest.every((part) => typeof part === 'string')) {
      return [rank, ...(rest as [string, string, string, string])]
    }
  } catch {
    // The same answer as for a text that is JSON and no position.
  }
  throw new HatchwayError('invalid_request', 'cursor: hand back what `next` said, as it was.')
}

/** By code units: alike on every machine, and much quicker than by a language's rules. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
