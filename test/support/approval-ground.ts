import { createSessionLedger } from '../../server/gateway/session-ledger.ts'
import { createSessionJudge } from '../../server/gateway/session-judge.ts'
import { actions } from '../../server/core/vocabulary.ts'
import { compilePolicy, type RulePolicy, type TimedPolicy } from '../../server/policy/compile-policy.ts'
import type { Rule } from '../../server/policy/rule.ts'
import { SessionApprovals } from '../../server/sessions/life/approvals.ts'
import type { Cleanup } from './cleanup.ts'
import { jane, openRequest, type SessionGround } from './session-ground.ts'

/** Has to ask under {@link asking}. */
export const rita = { ...jane, subject: 'rita', name: 'Rita', groups: [] }

const needsOf = (count: number) => [{ rule: 'rita asks', groups: ['admins'], count }]

/** Rita has to ask; it takes so many of the admins. Everything else is allowed. */
export function askingFor(count: number): RulePolicy {
  const everything: Omit<Rule, 'name' | 'who'> = { actions, where: {}, effect: 'allow' }
  const nobody = { everyone: false, groups: [], subjects: [] }
  // Not by a policy file: that takes no more than ten approvers.
  return compilePolicy(
    [
      { ...everything, name: 'everybody', who: { ...nobody, everyone: true } },
      {
        ...everything,
        name: 'rita asks',
        who: { ...nobody, subjects: ['rita'] },
        actions: ['open'],
        effect: 'require-approval',
        approval: { groups: ['admins'], count },
      },
    ],
    'asking',
  )
}

/** Rita has to ask; any of the admins may approve. */
export const asking: TimedPolicy = askingFor(1)

/** The requests of this process, judged by {@link asking} or another policy. Closed when the test ends. */
export function deskOf(t: Cleanup, ground: SessionGround, policy = asking): SessionApprovals {
  const desk = new SessionApprovals({
    store: createSessionLedger(ground.refusing.store),
    registry: ground.registry,
    drivers: ground.recovery.drivers,
    toolboxes: [openRequest(ground).toolbox],
    judge: (at) => createSessionJudge(policy.at(at)),
    notify: () => undefined,
    expiresAfterMs: 600_000,
    onProblem: (what) => ground.problems.push(what),
  })
  t.after(() => desk.close())
  return desk
}

/** Rita asks, for the word of so many; returns the request's id. */
export async function ask(ground: SessionGround, desk: SessionApprovals, count = 1): Promise<string> {
  const terms = { needs: needsOf(count), breakGlass: false }
  const { id } = await desk.request({ ...openRequest(ground, { who: rita, reason: 'an incident' }), terms })
  return id
}
