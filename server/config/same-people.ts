import type { ClaimNames } from '../auth/read-claims.ts'

interface Issuer {
  issuer: string
  claims: ClaimNames
  prefix: string
}

/** The parts of `auth` that say how people are called. */
export interface SignIns {
  issuers: readonly Issuer[]
  oidc?: { issuer: string; claims?: ClaimNames | undefined; prefix?: string | undefined } | undefined
  samePeople: boolean
}

interface Problem {
  path: readonly (string | number)[]
  message: string
}

const defaultClaims: ClaimNames = { subject: 'sub', name: 'name', groups: 'groups' }

/** How the provider's people are called: as the entry of `issuers` with the same issuer says, where it does not say so itself. */
export function namesOfProvider({
  issuers,
  oidc,
}: Pick<SignIns, 'issuers'> & { oidc: NonNullable<SignIns['oidc']> }): Issuer {
  const same = issuers.find(({ issuer }) => issuer === oidc.issuer)
  return {
    issuer: oidc.issuer,
    claims: oidc.claims ?? same?.claims ?? defaultClaims,
    prefix: oidc.prefix ?? same?.prefix ?? '',
  }
}

/**
 * Set-ups in which a subject would be two people, or one person would have two subjects: then somebody could act for another, or
 * approve their own requests.
 */
export function peopleProblems(signIns: SignIns): Problem[] {
  return [...twoSubjects(signIns), ...sameSubjects(signIns)]
}

/** One issuer, read in two ways: the same person is somebody else in the browser than with a token. */
function twoSubjects(signIns: SignIns): Problem[] {
  const { issuers, oidc } = signIns
  const same = issuers.find(({ issuer }) => issuer === oidc?.issuer)
  if (oidc === undefined || same === undefined) return []
  const provider = namesOfProvider({ issuers, oidc })
  const message = (what: string) =>
    `differs from that of auth.issuers for the same issuer: one person would have one ${what} in the browser and another one with a token, and could approve their own requests; make both the same`
  return [
    ...(keysOf(provider.claims.subject) === keysOf(same.claims.subject)
      ? []
      : [{ path: ['oidc', 'claims', 'subject'], message: message('subject') }]),
    ...(provider.prefix === same.prefix ? [] : [{ path: ['oidc', 'prefix'], message: message('subject') }]),
  ]
}

/** Two issuers, nothing to tell their people apart, and nobody has said that they are the same. */
function sameSubjects({ samePeople, issuers, oidc }: SignIns): Problem[] {
  if (samePeople) return []
  const places = [
    ...issuers.map((each, index) => ({ ...each, path: ['issuers', index] })),
    ...(oidc === undefined ? [] : [{ ...namesOfProvider({ issuers, oidc }), path: ['oidc'] }]),
  ]
  return places.flatMap(({ issuer, prefix, path }, index) => {
    const other = places
      .slice(0, index)
      .find((before) => before.prefix === prefix && before.issuer !== issuer)
    if (other === undefined || places.slice(0, index).some((before) => before.issuer === issuer)) return []
    const message = `has the same prefix as ${other.issuer}, so that a subject of either passes for the other's: give one of them a prefix, or say samePeople: true if every subject is the same person at both`
    return [{ path: [...path, 'prefix'], message }]
  })
}

/**
 * The issuer under whose name the people of one are known where several have the same: the provider's, whose logins are found by
 * it, else the first one's.
 */
export function peopleOf(
  { issuer, prefix }: Pick<Issuer, 'issuer' | 'prefix'>,
  { issuers, oidc }: Pick<SignIns, 'issuers' | 'oidc'>,
): string {
  if (oidc !== undefined && namesOfProvider({ issuers, oidc }).prefix === prefix) return oidc.issuer
  return issuers.find((each) => each.prefix === prefix)?.issuer ?? issuer
}

/** A dotted path and a list are the same where no key has a dot. */
function keysOf(path: ClaimNames['subject']): string {
  return typeof path === 'string' ? path : path.join('.')
}
