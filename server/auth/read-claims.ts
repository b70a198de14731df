import type { JWTPayload } from 'jose'
import { HatchwayError } from '../core/errors.ts'
import type { Principal } from '../core/policy.ts'

/** Which claims say who it is: a claim's name, or a dotted path such as `realm_access.roles`. */
export interface ClaimNames {
  subject: string
  name: string
  groups: string
}

const maxGroups = 1000
// C0, C1, line separators and bidirectional overrides have no business in logs, labels and lists.
const unprintable = /[\p{Cc}\u2028\u2029\u202A-\u202E\u2066-\u2069]/u

/**
 * Reads the principal out of verified claims. `prefix` goes before subject and groups, so that two issuers can't speak for
 * each other's people. Missing groups are none. Throws `token_invalid`.
 */
export function readClaims(
  payload: JWTPayload,
  names: ClaimNames,
  prefix: string,
): Omit<Principal, 'issuer' | 'expiresAt'> {
  const subject = claimAt(payload, names.subject)
  if (typeof subject !== 'string' || subject === '')
    throw bad(`has no text in the claim ${names.subject}, which says who it is`)
  if (subject.length > 255 || unprintable.test(subject))
    throw bad(`has an unusable subject in the claim ${names.subject}`)
  const name = claimAt(payload, names.name)
  const readable =
    typeof name === 'string' && name.trim() !== '' && name.length <= 255 && !unprintable.test(name)
  const groups = readGroups(claimAt(payload, names.groups), names.groups)
  return {
    subject: prefix + subject,
    ...(prefix !== '' && { account: subject }),
    name: readable ? name.trim() : subject,
    groups: groups.map((group) => prefix + group),
  }
}

function readGroups(value: unknown, claim: string): string[] {
  if (value === undefined) return []
  const list: unknown =
    typeof value === 'string' ? value.split(/[\s,]+/).filter((group) => group !== '') : value
  if (!Array.isArray(list) || !list.every((group) => typeof group === 'string')) {
    throw bad(`has a claim ${claim} that is neither a list of texts nor a text`)
  }
  if (list.length > maxGroups) throw bad(`names more than ${maxGroups} groups`)
  if (list.some((group) => group === '' || group.length > 255 || unprintable.test(group))) {
    throw bad(`has an unusable group in the claim ${claim}`)
  }
  return [...new Set(list)]
}

/** The value of a claim by its name or dotted path; undefined when there is none. */
// Exact names first: namespaced claims such as `https://example.com/groups` hold dots. Own properties only, so that no
// path reaches into prototypes.
export function claimAt(payload: JWTPayload, path: string): unknown {
  if (Object.hasOwn(payload, path)) return payload[path]
  let value: unknown = payload
  for (const key of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
    value = (value as Record<string, unknown>)[key]
  }
  return value
}

function bad(what: string): HatchwayError {
  return new HatchwayError(
    'token_invalid',
    `The token ${what}. Ask whoever runs the identity provider to correct it.`,
  )
}
