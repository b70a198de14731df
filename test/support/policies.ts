import { stringify } from 'yaml'
import { actions } from '../../server/core/vocabulary.ts'
import { policyFromText, type RulePolicy } from '../../server/policy/compile-policy.ts'

/** A rule as a policy file has it. */
export type RuleOfFile = Readonly<Record<string, unknown>> & { name: string }

/** The policy of a file with these rules. */
export function policyOf(...rules: readonly RuleOfFile[]): RulePolicy {
  return policyFromText(stringify({ rules }))
}

/** Members of `admins` may do everything. */
export const adminsMayAll: RuleOfFile = {
  name: 'admins',
  who: { groups: ['admins'] },
  actions,
  effect: 'allow',
}

/** Everybody may do everything. */
export const everybodyMayAll: RuleOfFile = {
  name: 'everybody',
  who: { everyone: true },
  actions,
  effect: 'allow',
}

/** One person may do this to targets of these names, or to all. */
export function rule(subject: string, actions: readonly string[], targets?: readonly string[]): RuleOfFile {
  const where = targets === undefined ? {} : { where: { targets } }
  return { name: subject, who: { subjects: [subject] }, actions, ...where, effect: 'allow' }
}
