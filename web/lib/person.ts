import type { Me } from '../../server/protocol/sign-in-api.ts'
import type { Person } from '../../server/protocol/fields.ts'

/** Whether somebody is the one who is signed in here: subjects of two issuers are two people. */
export function isMe({ subject, issuer }: Omit<Person, 'name'>, me: Me | undefined): boolean {
  return me !== undefined && subject === me.subject && (issuer === undefined || issuer === me.issuer)
}
