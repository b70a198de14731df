import { createSessionJudge } from '../../server/gateway/session-judge.ts'
import type { Grant, Policy } from '../../server/core/policy.ts'
import { SessionApprovals } from '../../server/sessions/life/approvals.ts'
import { grant, scriptedPolicy, type Cleanup } from './http-doubles.ts'
import { jane, openRequest, type SessionGround } from './session-ground.ts'

const needs = [{ rule: 'scripted', groups: ['admins'], count: 1 }]

/** Has to ask under {@link asking}. */
export const rita = { ...jane, subject: 'rita', name: 'Rita', groups: [] }

/** Rita has to ask; any of the admins may approve. */
export const asking: Policy = {
  ...scriptedPolicy(() => true),
  decide(request) {
    const decision = scriptedPolicy(() => true).decide(request)
    if (request.who.subject !== 'rita' || request.action !== 'open') return decision
    const asked: Grant = { ...grant }
    const approval = { needs, breakGlass: false }
    return { effect: 'require-approval', rules: ['scripted'], grant: asked, approval }
  },
}

/** The requests of this process, judged by {@link asking}. Closed when the test ends. */
export function deskOf(t: Cleanup, ground: SessionGround): SessionApprovals {
  const desk = new SessionApprovals({
    store: ground.refusing.store,
    registry: ground.registry,
    drivers: ground.recovery.drivers,
    toolboxes: [openRequest(ground).toolbox],
    judge: () => createSessionJudge(asking),
    notify: () => undefined,
    expiresAfterMs: 600_000,
    onProblem: (what) => ground.problems.push(what),
  })
  t.after(() => desk.close())
  return desk
}

/** Rita asks; returns the request's id. */
export async function ask(ground: SessionGround, desk: SessionApprovals): Promise<string> {
  const terms = { needs, breakGlass: false }
  const { id } = await desk.request({ ...openRequest(ground, { who: rita, reason: 'an incident' }), terms })
  return id
}
