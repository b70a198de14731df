/** What tells one sign-in from another. */
export interface SignedIn {
  subject: string
  /** The subject as its issuer wrote it, without the configured prefix. */
  account?: string
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
