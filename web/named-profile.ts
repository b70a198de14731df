import type { Session } from '../server/protocol/api.ts'
import { profileWords } from './words.ts'

type Profile = Session['profile']

const names = Object.keys(profileWords) as Profile[]
const quote = '["“\'`]?'
// `profile restricted` and `the restricted profile`.
const named = new RegExp(
  `\\bprofiles?\\s+${quote}(${names.join('|')})\\b|\\b(${names.join('|')})["”'\`]?\\s+profile\\b`,
  'g',
)

/**
 * The profile that an error's words send to, such as `Choose profile restricted`; undefined when they name none but
 * `failed`. Where several are named the last is meant: ways out stand at the end. Pure.
 */
export function namedProfile(text: string, failed: Profile): Profile | undefined {
  return [...text.matchAll(named)]
    .map((match) => names.find((name) => name === (match[1] ?? match[2])))
    .findLast((name) => name !== undefined && name !== failed)
}
