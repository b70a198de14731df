import { createSessionLedger } from '../../server/gateway/session-ledger.ts'
import { createSessionJudge } from '../../server/gateway/session-judge.ts'
import type { Grant, Policy } from '../../server/core/policy.ts'
import { SessionApprovals } from '../../server/sessions/life/approvals.ts'
import { grant, scriptedPolicy, type Cleanup } from './http-doubles.ts'
import { jane, openRequest, type SessionGround } from './session-ground.ts'

/** Has to ask under {@link asking}. */
export const rita = { ...jane, subject: 'rita', name: 'Rita', groups: [] }

const needsOf = (count: number) => [{ rule: 'scripted', groups: ['admins'], count }]

/** Rita has to ask; it takes so many of the admins. */
export function askingFor(count: number): Policy {
  return {
    ...scriptedPolicy(() => true),
    decide(request) {
      const decision = scriptedPolicy(() => true).decide(request)
      if (request.who.subject !== 'rita' || request.action !== 'open') return decision
      const asked: Grant = { ...grant }
      const approval = { needs: needsOf(count), breakGlass: false }
      return { effect: 'require-approval', rules: ['scripted'], grant: asked, approval }
    },
  }
}

/** Rita has to ask; any of the admins may approve. */
export const asking: Policy = askingFor(1)

/** The requests of this process, judged by {@link asking} or another policy. Closed when the test ends. */
export function deskOf(t: Cleanup, ground: SessionGround, policy = asking): SessionApprovals {
  const desk = new SessionApprovals({
    store: createSessionLedger(ground.refusing.store),
    registry: ground.registry,
    drivers: ground.recovery.drivers,
    toolboxes: [openRequest(ground).toolbox],
    judge: () => createSessionJudge(policy),
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
