/** A person: a subject means somebody only together with the issuer that vouches for it. */
export interface Person {
  subject: string
  /** What they call themselves: to be shown, and never to be compared. */
  name: string
  /** Absent in what was stored before issuers were kept. */
  issuer?: string
}

/** What tells one person from another. */
export type PersonId = Pick<Person, 'subject' | 'issuer'>

/** What tells one sign-in from another. */
export interface SignedIn {
  subject: string
  /** The subject as its issuer wrote it, without the configured prefix. */
  account?: string
}

/** The person alone, of whatever has more. */
export function personOf({ subject, name, issuer }: Person): Person {
  return { subject, name, ...(issuer !== undefined && { issuer }) }
}

/**
 * Whether both are one person: the same subject at the same issuer. What was stored before issuers were kept belongs to whoever
 * has the subject. Issuers that the configuration says have the same people come here under one name.
 */
export function isSamePerson(a: PersonId, b: PersonId): boolean {
  return (
    a.subject === b.subject && (a.issuer === undefined || b.issuer === undefined || a.issuer === b.issuer)
  )
}

/** One text for each person, for maps and counters. */
export function personKey({ issuer, subject }: PersonId): string {
  return JSON.stringify([issuer ?? null, subject])
}

/**
 * Whether two sign-ins may be one person: the same subject once the issuers' prefixes, case, width and what cannot be seen are set
 * aside. Rather one refusal too many: two people who are called the same at two issuers cannot decide for each other.
 */
export function maySamePerson(a: SignedIn, b: SignedIn): boolean {
  const other = namesOf(b)
  return namesOf(a).some((name) => other.includes(name))
}

function namesOf({ subject, account = subject }: SignedIn): string[] {
  return [subject, account].map((name) =>
    name
      .normalize('NFKC')
      .replaceAll(/[\p{Cf}\s]/gu, '')
      .toLowerCase(),
  )
}
