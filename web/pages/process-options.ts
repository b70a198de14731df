/** The processes of a container as a list to choose from. Pure. */
import type { TargetDetail } from '../../server/protocol/target-api.ts'
import { shownName } from './link-text.ts'

export type Options = NonNullable<TargetDetail['options']>
export type TargetProcess = NonNullable<Options['processes']>['items'][number]

/**
 * The one that is found first, by an empty value: it may be another by the time of the start. What a link asks for and the list does not
 * have stays in it, for the gateway to judge.
 */
export function processOptions(
  items: readonly TargetProcess[],
  value: string,
): (readonly [value: string, words: string])[] {
  const known = items.map((each) => [each.found ? '' : each.process, wordsOf(each)] as const)
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
