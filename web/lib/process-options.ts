/** The processes of a container as a list to choose from. Pure. */
import type { TargetDetail } from '../../server/protocol/target-api.ts'
import { shownName } from './link-text.ts'

export type Options = NonNullable<TargetDetail['options']>
export type TargetProcess = NonNullable<Options['processes']>['items'][number]

/** What the form shows of a container's processes. */
export interface ProcessChoices {
  /** What is looked at unless somebody chooses; absent where that can't be told from here. */
  found?: TargetProcess | undefined
  init?: string | undefined
  /** Of those that are listed, and of all. */
  count: number
  total: number
  /** None where there is nothing to choose between. */
  options: readonly (readonly [value: string, words: string])[]
}

/**
 * What there is to say and to choose; undefined where that is plain. `asked` is by a link, or was chosen last: it can always be taken
 * back, also where no list can be told.
 */
export function processChoices(options: Options, asked: string): ProcessChoices | undefined {
  const { items, total } = options.processes ?? { items: [], total: 0 }
  const found = items.find((each) => each.found)
  const init = options.profiles.find(({ identity }) => identity?.process?.init !== undefined)?.identity
    ?.process?.init
  const isPlain = found === undefined || (items.length < 2 && init === undefined)
  if (asked === '' && isPlain) return undefined
  const all = processOptions(items, asked)
  return { found, init, count: items.length, total, options: all.length < 2 ? [] : all }
}

const foundInWords = 'the one that is found'

/**
 * The one that is found first, by an empty value: it may be another by the time of the start. What a link asks for and the list does not
 * have stays in it, for the gateway to judge.
 */
export function processOptions(
  items: readonly TargetProcess[],
  value: string,
): (readonly [value: string, words: string])[] {
  const listed = items.map((each) => [each.found ? '' : each.process, wordsOf(each)] as const)
  const known = listed.some(([process]) => process === '') ? listed : [['', foundInWords] as const, ...listed]
  if (known.some(([process]) => process === value)) return known
  return [...known, [value, shownName(value)]]
}

/** What the form asks for in the beginning, and what is to be said of it: in a cluster none can be asked for. */
export function linkedProcess(
  target: TargetDetail,
  parameters: URLSearchParams,
): { process: string; notes: string[] } {
  const asked = parameters.get('process') ?? ''
  if (asked === '' || target.kind === 'docker') return { process: asked, notes: [] }
  const note = `The link asks for the process “${shownName(asked)}”. One can be chosen in a container of Docker only.`
  return { process: '', notes: [note] }
}

function wordsOf({ name, pid, user, found }: TargetProcess): string {
  const which = pid === undefined ? name : `${name}, process ${pid}`
  return `${which}, user ${user}${found ? ' (found)' : ''}`
}
