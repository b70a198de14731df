import { HatchwayError } from '../core/errors.ts'
import type { Decision, Grant, PolicyTarget } from '../core/policy.ts'
import { policyTargetOf } from '../core/session-policy.ts'
import type { SessionRow } from '../core/session.ts'
import type { Profile, Toolbox } from '../core/target.ts'
import type { z } from 'zod'
import type { createSession } from '../protocol/api.ts'
import type { Caller } from './authenticate.ts'
import { defined } from './defined.ts'
import type { AppDeps } from './deps.ts'
import { resolveTarget, visible } from './find-target.ts'
import { auditDenied, decideOpenWithReason, targetNotFound } from './permissions.ts'

type Wish = z.infer<typeof createSession>

const defaultSize = { cols: 80, rows: 24 }

/**
 * Finds the target, asks policy, fills in what was left open, and starts. A refusal is in the audit log before it is
 * answered; a target that the caller may not know of is answered like one that does not exist.
 */
export async function openSession(
  deps: AppDeps,
  caller: Caller,
  wish: Wish,
  signal: AbortSignal,
): Promise<SessionRow> {
  const { who, from } = caller
  const { target, driver } = await resolveTarget(deps, who, wish.target, defined({ pick: wish.pick }), signal)
  const described = policyTargetOf(target)
  const refuse = async (denied: Decision & { effect: 'deny' }): Promise<never> => {
    const { rules, explanation } = denied
    await auditDenied(deps.store, { caller, action: 'open', target: wish.target, rules, reason: explanation })
    if (!visible(deps, who, target)) throw targetNotFound(wish.target)
    throw new HatchwayError(denied.code, explanation)
  }
  const possible = decideOpenWithReason(deps.policy(), who, described)
  if (possible.effect === 'deny') return await refuse(possible)
  const toolbox = chooseToolbox(deps.toolboxes, possible.grant, wish.toolbox)
  const profile = chooseProfile(possible.grant, wish.profile)
  const decision = decideExactly(deps, caller, described, wish, { toolbox, profile })
  if (decision.effect === 'deny') return await refuse(decision)
  if (decision.effect === 'require-approval') {
    return await refuse({
      ...decision,
      effect: 'deny',
      code: 'forbidden',
      explanation: `${decision.approval.needs.map(({ rule }) => JSON.stringify(rule)).join(', ')} requires an approval, which cannot be asked for yet.`,
    })
  }
  return await deps.sessions.open(
    defined({
      who,
      from,
      ref: wish.target,
      target,
      driver,
      toolbox,
      profile,
      grant: decision.grant,
      rules: decision.rules,
      reason: wish.reason,
      ticket: wish.ticket,
      size: wish.size ?? defaultSize,
      command: wish.command,
      copy: wish.copy,
    }),
  )
}

function decideExactly(
  deps: AppDeps,
  { who }: Caller,
  target: PolicyTarget,
  { reason, ticket, copy }: Wish,
  chosen: { toolbox: Toolbox; profile: Profile },
): Decision {
  return deps.policy().decide(
    defined({
      who,
      action: 'open' as const,
      target,
      toolbox: chosen.toolbox.name,
      profile: chosen.profile,
      reason: said(reason),
      ticket: said(ticket),
      copy,
    }),
  )
}

/** Blanks say nothing. */
function said(text: string | undefined): string | undefined {
  return text === undefined || text.trim() === '' ? undefined : text
}

// A toolbox or profile that was asked for and is not granted stays: the exact decision refuses it with its rule.
function chooseToolbox(toolboxes: readonly Toolbox[], grant: Grant, wished: string | undefined): Toolbox {
  const allowed = toolboxes.filter(({ name }) => grant.toolboxes?.includes(name) ?? true)
  const chosen = wished === undefined ? allowed[0] : toolboxes.find(({ name }) => name === wished)
  if (chosen !== undefined) return chosen
  const names = allowed.map(({ name }) => name).join(', ')
  throw new HatchwayError(
    'invalid_request',
    wished === undefined
      ? 'Policy allows none of the configured toolboxes for this target.'
      : `There is no toolbox ${JSON.stringify(wished)}. You may use: ${names || 'none'}.`,
  )
}

function chooseProfile(grant: Grant, wished: Profile | undefined): Profile {
  if (wished !== undefined) return wished
  return grant.profiles.includes('auto') ? 'auto' : (grant.profiles[0] ?? 'auto')
}
