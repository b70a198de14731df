import { createApprovalCases } from '../gateway/approvals.ts'
import { createAuditLogCases } from '../gateway/audit-log.ts'
import { createAuditTrail } from '../gateway/audit-trail.ts'
import { createEnvironmentCases } from '../gateway/environments.ts'
import { createPersonBudgets } from '../gateway/person-budgets.ts'
import { createPolicyQuestions } from '../gateway/policy-questions.ts'
import { createRecordingCases } from '../gateway/recordings.ts'
import { createSampleCases } from '../gateway/sample.ts'
import { createSessionCases } from '../gateway/sessions.ts'
import { createSignInCases } from '../gateway/sign-ins.ts'
import { createTargetCases } from '../gateway/targets.ts'
import type { GatewayParts } from './app-parts.ts'

/** All that an adapter can ask the gateway for. */
export type UseCases = ReturnType<typeof createUseCases>

export function createUseCases(parts: GatewayParts) {
  const audit = createAuditTrail(parts.store)
  const budgets = createPersonBudgets(parts.rates)
  return {
    environments: createEnvironmentCases(parts.drivers),
    targets: createTargetCases(parts),
    sessions: createSessionCases({ ...parts, audit, budgets }),
    approvals: createApprovalCases(parts),
    recordings: createRecordingCases({ ...parts, audit }),
    auditLog: createAuditLogCases({ ...parts, audit, budgets }),
    policyQuestions: createPolicyQuestions({ ...parts, audit, budgets }),
    signIns: createSignInCases({ ...parts, audit }),
    sample: createSampleCases({ ...parts, audit }),
  }
}
