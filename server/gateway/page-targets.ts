/** The order of a list of targets, and a page of it. Pure. */
import { HatchwayError } from '../core/errors.ts'
import { namespaceOf, resourceKindOf } from '../core/target-ref.ts'
import type { Target } from '../core/target.ts'
import type { TargetState } from '../core/vocabulary.ts'
import type { TargetSort } from '../protocol/target-api.ts'

/** Where a target stands where nothing else is asked for: rank, environment, namespace, name, kind. */
type Place = readonly [number, string, string, string, string]

/** `by` comes first: what the caller sorts by. */
interface Position {
  by: number | string
  place: Place
}

type SortKey = Exclude<TargetSort, `-${string}`>

const ranks: Record<TargetState, number> = {
  restarting: 0,
  running: 1,
  paused: 1,
  created: 1,
  removing: 1,
  exited: 2,
  dead: 2,
}

const keys: Record<SortKey, (target: Target) => number | string> = {
  name({ ref, name }) {
    const namespace = namespaceOf(ref)
    return namespace === undefined ? name : `${namespace}/${name}`
  },
  image: ({ image }) => image,
  node: ({ node = '' }) => node,
  environment: ({ ref }) => ref.environment,
  restarts: ({ cluster }) => cluster?.restarts ?? 0,
  // The youngest has the least of it.
  age: ({ startedAt, createdAt }) => -(startedAt ?? createdAt).getTime(),
}

export interface PageRequest {
  limit: number
  cursor?: string
  sort?: TargetSort
}

export interface TargetPage {
  items: Target[]
  /** Where the next page begins. Absent on the last one. */
  next?: string
}

/**
 * What fails first, what is over last; inside by environment (in the order given), namespace, name and kind. `sort` puts
 * something else before that. A cursor is a position in that order and no number, so it holds whatever comes and goes between two
 * pages. Costs one look at each target, and comparisons only for what is near the page.
 * Throws `invalid_request` for a cursor that no list in this order gave.
 */
export function pageTargets(
  targets: readonly Target[],
  environments: readonly string[],
  { limit, cursor, sort }: PageRequest,
): TargetPage {
  const order = new Map(environments.map((id, index) => [id, index]))
  const key = sort === undefined ? undefined : keys[sort.replace('-', '') as SortKey]
  const sign = sort?.startsWith('-') === true ? -1 : 1
  const inOrder = (a: Position, b: Position): number =>
    sign * compare(a.by, b.by) || byPlace(a.place, b.place, order)
  const after = cursor === undefined ? undefined : readCursor(cursor, sort)
  // One more than the page: whether there is a next one.
  const first: { target: Target; position: Position }[] = []
  for (const target of targets) {
    const position = { by: key?.(target) ?? '', place: placeOf(target) }
    if (after !== undefined && inOrder(position, after) <= 0) continue
    const last = first[limit]
    if (last !== undefined && inOrder(position, last.position) >= 0) continue
    first.splice(placeIn(first, position, inOrder), 0, { target, position })
    if (first.length > limit + 1) first.pop()
  }
  const page = first.slice(0, limit)
  const items = page.map(({ target }) => target)
  const last = page.at(-1)
  return first.length > limit && last !== undefined
    ? { items, next: writeCursor(last.position, sort) }
    : { items }
}

/** How many stand before it. */
function placeIn(
  sorted: readonly { position: Position }[],
  position: Position,
  inOrder: (a: Position, b: Position) => number,
): number {
  let from = 0
  let to = sorted.length
  while (from < to) {
    const middle = (from + to) >> 1
    const at = sorted[middle]
    if (at !== undefined && inOrder(at.position, position) <= 0) from = middle + 1
    else to = middle
  }
  return from
}

function placeOf({ ref, name, state }: Target): Place {
  const namespace = namespaceOf(ref)
  const kind = namespace === undefined ? '' : resourceKindOf(ref)
  return [ranks[state], ref.environment, namespace ?? '', name, kind]
}

function byPlace(a: Place, b: Place, order: ReadonlyMap<string, number>): number {
  return (
    a[0] - b[0] ||
    (order.get(a[1]) ?? 0) - (order.get(b[1]) ?? 0) ||
    compare(a[2], b[2]) ||
    compare(a[3], b[3]) ||
    compare(a[4], b[4])
  )
}

function writeCursor({ by, place }: Position, sort = ''): string {
  return Buffer.from(JSON.stringify([sort, by, ...place])).toString('base64url')
}

function readCursor(text: string, sort = ''): Position {
  try {
    const [given, by, rank, ...rest] = JSON.parse(Buffer.from(text, 'base64url').toString()) as unknown[]
    const isKey = typeof by === 'string' || (typeof by === 'number' && Number.isFinite(by))
    const isPlace =
      typeof rank === 'number' && rest.length === 4 && rest.every((part) => typeof part === 'string')
    if (given === sort && isKey && isPlace) {
      return { by, place: [rank, ...(rest as [string, string, string, string])] }
    }
  } catch {
    // The same answer as for a text that is JSON and no position.
  }
  throw new HatchwayError(
    'invalid_request',
    'cursor: hand back what `next` said, as it was, with the same `sort`.',
  )
}

/** By code units: alike on every machine, and much quicker than by a language's rules. */
function compare(a: number | string, b: number | string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
