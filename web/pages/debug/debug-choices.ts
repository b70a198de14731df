import type { TargetDetail } from '../../../server/protocol/target-api.ts'
import { profileWords } from '../../lib/words.ts'
import type { Choice } from './choice.ts'
import { shownName } from '../../lib/link-text.ts'

type Options = NonNullable<TargetDetail['options']>

export interface Choices {
  choices: Choice[]
  /** What to begin with; empty when nothing can be chosen. */
  chosen: string
  /** Why what the link asked for is not chosen. */
  note?: string | undefined
}

/** Toolboxes that policy allows. `asked` comes from the link. Pure. */
export function toolboxChoices(options: Options, asked: string): Choices {
  const choices = options.toolboxes.map(({ name, image }) => ({ name, words: image, isCode: true }))
  return choose(choices, asked, 'toolbox')
}

/** Profiles that policy allows, also those that cannot work here, which say why. Pure. */
export function profileChoices(options: Options, asked: string): Choices {
  const choices = options.profiles.map(({ name, problem }) => ({ name, words: profileWords[name], problem }))
  const all = choose(choices, asked, 'profile')
  const isLeft = choices.some(({ name, problem }) => name === strongest && problem === undefined)
  if (all.chosen !== '' || !isLeft) return all
  const note = `Only ${strongest} can be used here, and nobody gets that without choosing it.`
  return { ...all, note: all.note === undefined ? note : `${all.note} ${note}` }
}

/** The same for a process that was chosen. No stronger profile takes by itself the place of the one that does not go with it. Pure. */
export function profilesForProcess(options: Options, before: Choices): Choices {
  const { choices } = profileChoices(options, '')
  const kept = choices.find(({ name }) => name === before.chosen)
  if (kept?.problem === undefined) return { choices, chosen: before.chosen, note: before.note }
  const note = `The profile ${before.chosen} does not go with this process. Choose another profile, or another process.`
  return { choices, chosen: '', note }
}

/** Root with everything on the host: never preselected. */
const strongest = 'sysadmin'

function choose(choices: Choice[], asked: string, kind: string): Choices {
  const usable = choices.filter((choice) => choice.problem === undefined)
  const chosen =
    usable.find((choice) => choice.name === asked) ?? usable.find((choice) => choice.name !== strongest)
  if (asked === '' || chosen?.name === asked) return { choices, chosen: chosen?.name ?? '' }
  const reason =
    choices.find((choice) => choice.name === asked)?.problem ??
    `there is no such ${kind} any more, or policy does not allow it to you here.`
  return {
    choices,
    chosen: chosen?.name ?? '',
    note: `The link asks for the ${kind} “${shownName(asked)}”, which is not available: ${reason}`,
  }
}

/** What is preferred, as long as it can be had. */
export function valueOf({ choices, chosen }: Choices, preferred: string | undefined): string {
  const isUsable = choices.some((choice) => choice.name === preferred && choice.problem === undefined)
  return preferred !== undefined && isUsable ? preferred : chosen
}
