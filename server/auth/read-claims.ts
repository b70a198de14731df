import type { JWTPayload } from 'jose'
import { HatchwayError } from '../core/errors.ts'
import type { Principal } from '../core/policy.ts'

/**
 * Where a claim is: its name, a dotted path such as `realm_access.roles`, or the same as a list of keys, which may hold dots:
 * `['resource_access', 'my.client', 'roles']`.
 */
export type ClaimPath = string | readonly string[]

/** Which claims say who it is. */
export interface ClaimNames {
  subject: ClaimPath
  name: ClaimPath
  groups: ClaimPath
  /** What stands between the groups of a claim that is one text; a lone name may have blanks. Default: commas. */
  separator?: 'commas' | 'spaces' | 'none' | undefined
}

const maxGroups = 1000
// C0, C1, line separators and bidirectional overrides have no business in logs, labels and lists.
const unprintable = /[\p{Cc}\u2028\u2029\u202A-\u202E\u2066-\u2069]/u

/**
 * Reads the principal out of verified claims. `prefix` goes before subject and groups, so that two issuers can't speak for
 * each other's people. Missing groups are none, and so is `null`; a token that leaves them out because there are too many is no
 * word about them, and a rule that denies by group would not see it: throws `groups_left_out`. Else throws `token_invalid`.
 */
export function readClaims(
  payload: JWTPayload,
  names: ClaimNames,
  prefix: string,
): Omit<Principal, 'issuer' | 'expiresAt'> {
  const subject = claimAt(payload, names.subject)
  const claim = inWords(names.subject)
  if (typeof subject !== 'string' || subject === '')
    throw bad(`has no text in the claim ${claim}, which says who it is`)
  if (subject.length > 255 || unprintable.test(subject))
    throw bad(`has an unusable subject in the claim ${claim}`)
  const name = claimAt(payload, names.name)
  const readable =
    typeof name === 'string' && name.trim() !== '' && name.length <= 255 && !unprintable.test(name)
  const groups = readGroups(claimAt(payload, names.groups), names)
  if (groups.length === 0) checkLeftOut(payload, names.groups)
  return {
    subject: prefix + subject,
    ...(prefix !== '' && { account: subject }),
    name: readable ? name.trim() : subject,
    groups: groups.map((group) => prefix + group),
  }
}

const separators = { commas: /,/, spaces: /[\s,]+/, none: undefined } as const

function readGroups(value: unknown, { groups: path, separator = 'commas' }: ClaimNames): string[] {
  if (value === undefined || value === null) return []
  const list: unknown = typeof value === 'string' ? splitText(value, separators[separator]) : value
  if (!Array.isArray(list) || !list.every((group) => typeof group === 'string')) {
    throw bad(`has a claim ${inWords(path)} that is neither a list of texts nor a text`)
  }
  if (list.length > maxGroups) throw bad(`names more than ${maxGroups} groups`)
  // However long a group's name is, a rule with a wildcard may deny by it: it is kept whole.
  if (list.some((group) => unprintable.test(group)))
    throw bad(`has an unusable group in the claim ${inWords(path)}`)
  return [...new Set(list)].filter((group) => group !== '')
}

function splitText(text: string, separator: RegExp | undefined): string[] {
  return (separator === undefined ? [text] : text.split(separator)).map((group) => group.trim())
}

/**
 * Entra ID leaves the groups of somebody with more than 200 out, and says where else they are: as a distributed claim (OpenID
 * Connect Core, 5.6.2), as `hasgroups`, or as `groups:src1` (learn.microsoft.com, "Configure group claims", group overages).
 */
function checkLeftOut(payload: JWTPayload, path: ClaimPath): void {
  const [claim = ''] =
    typeof path === 'string' ? (Object.hasOwn(payload, path) ? [path] : path.split('.')) : path
  const elsewhere = payload['_claim_names']
  const isElsewhere = typeof elsewhere === 'object' && elsewhere !== null && Object.hasOwn(elsewhere, claim)
  const says = payload['hasgroups']
  const isKept =
    claim === 'groups' && says !== undefined && says !== null && says !== false && says !== 'false'
  if (!isElsewhere && !isKept && !Object.keys(payload).some((key) => key.startsWith(`${claim}:src`))) return
  throw new HatchwayError(
    'groups_left_out',
    `The identity provider left the groups out (claim ${inWords(path)}): they are too many for a token, so nobody can say what a rule about groups means here. Ask whoever runs it to send only the groups that are assigned to this application, or app roles, and whoever runs this gateway to read those (claims.groups).`,
  )
}

/** The value of a claim; undefined when there is none. */
// Exact names first: namespaced claims such as `https://example.com/groups` hold dots. Own properties only, so that no
// path reaches into prototypes.
export function claimAt(payload: JWTPayload, path: ClaimPath): unknown {
  if (typeof path === 'string' && Object.hasOwn(payload, path)) return payload[path]
  let value: unknown = payload
  for (const key of typeof path === 'string' ? path.split('.') : path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
    value = (value as Record<string, unknown>)[key]
  }
  return value
}

function inWords(path: ClaimPath): string {
  return typeof path === 'string' ? path : path.join(' → ')
}

function bad(what: string): HatchwayError {
  return new HatchwayError(
    'token_invalid',
    `The token ${what}. Ask whoever runs the identity provider to correct it.`,
  )
}
