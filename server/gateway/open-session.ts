import { HatchwayError } from '../core/errors.ts'
import type { Decision, Grant, PolicyTarget } from '../core/policy.ts'
import { policyTargetOf } from '../core/session-policy.ts'
import type { SessionRow } from '../core/session.ts'
import type { Profile, Toolbox } from '../core/debug-container.ts'
import type { Identity } from '../core/identity.ts'
import type { z } from 'zod'
import type { createSession } from '../protocol/session-api.ts'
import type { CreateRun } from '../protocol/run-api.ts'
import type { OpenRequest, RunOutcome } from '../sessions/sessions.ts'
import type { Caller } from '../http/authenticate.ts'
import { defined } from '../core/without-undefined.ts'
import type { AppDeps } from '../http/deps.ts'
import { within } from '../core/deadline.ts'
import { driverMs, resolveTarget, visible } from './find-target.ts'
import { said } from './non-blank.ts'
import { auditDenied, decideOpenWithReason, targetNotFound } from './permissions.ts'

type Wish = z.infer<typeof createSession> & Pick<CreateRun, 'cwd'>

const defaultSize = { cols: 80, rows: 24 }

type Refuse = (denied: Decision & { effect: 'deny' }) => Promise<never>

/** Starts, or asks for the approval that it takes. Refused as {@link decideStart} says. */
export async function openSession(
  deps: AppDeps,
  caller: Caller,
  wish: Wish,
  signal: AbortSignal,
): Promise<SessionRow> {
  const { request, decision, refuse } = await decideStart(deps, caller, 'open', wish, signal)
  if (decision.effect === 'allow') return await deps.sessions.open(request)
  if (wish.breakGlass !== true) return await askForApproval(deps, caller, request, decision, signal)
  const problem = breakGlassProblem(decision, request.reason)
  if (problem !== undefined) return await refuse(problem)
  return await deps.approvals.breakGlass({ ...request, terms: decision.approval })
}

/** Runs a command to its end, or asks for the approval that it takes: then it runs by itself once it is approved. */
export async function runCommand(
  deps: AppDeps,
  caller: Caller,
  { timeoutSeconds, ...wish }: CreateRun,
  signal: AbortSignal,
): Promise<RunOutcome | SessionRow> {
  const { request, decision } = await decideStart(deps, caller, 'run', wish, signal)
  const maxDurationMs = Math.min(request.grant.maxDurationMs, timeoutSeconds * 1000)
  const limited = { ...request, run: true, grant: { ...request.grant, maxDurationMs } }
  if (decision.effect === 'allow') return await deps.sessions.run(limited, signal)
  return await askForApproval(deps, caller, limited, decision, signal)
}

/**
 * Finds the target, asks policy and fills in what was left open. A refusal is in the audit log before it is answered; a
 * target that the caller may not know of is answered like one that does not exist.
 */
async function decideStart(
  deps: AppDeps,
  caller: Caller,
  action: 'open' | 'run',
  wish: Wish,
  signal: AbortSignal,
): Promise<{ request: OpenRequest; decision: Exclude<Decision, { effect: 'deny' }>; refuse: Refuse }> {
  const { who, from } = caller
  const { target, driver } = await resolveTarget(deps, who, wish.target, defined({ pick: wish.pick }), signal)
  const described = policyTargetOf(target)
  const refuse: Refuse = async ({ rules, explanation, code }) => {
    const { target: ref, command } = wish
    const refusal = { caller, action, target: ref, rules, reason: explanation, command }
    await auditDenied(deps.store, defined(refusal))
    if (!visible(deps, who, target)) throw targetNotFound(wish.target)
    throw new HatchwayError(code, explanation)
  }
  if (wish.copy === true && wish.scope !== undefined && wish.scope !== 'copy')
    throw new HatchwayError(
      'invalid_request',
      'It asks for a copy and for another scope. Leave out one of them.',
    )
  const possible = decideOpenWithReason(deps.policy(), who, described, action)
  if (possible.effect === 'deny') return await refuse(possible)
  const toolbox = chooseToolbox(deps.toolboxes, possible.grant, wish.toolbox)
  const profile = chooseProfile(possible.grant, wish.profile)
  const decision = decideExactly(deps, caller, action, described, wish, { toolbox, profile })
  if (decision.effect === 'deny') return await refuse(decision)
  const request = defined({
    who,
    from,
    ref: wish.target,
    target,
    driver,
    toolbox,
    profile,
    grant: decision.grant,
    rules: decision.rules,
    reason: said(wish.reason),
    ticket: said(wish.ticket),
    size: wish.size ?? defaultSize,
    command: wish.command,
    cwd: wish.cwd,
    pick: wish.pick,
    copy: wish.copy === true || wish.scope === 'copy' ? true : undefined,
    networkOnly: wish.scope === 'network' ? true : undefined,
    process: wish.process,
  })
  if (wish.process !== undefined) await requireProcess(deps, caller, action, request, signal)
  return { request, decision, refuse }
}

/** A process that was asked for is there, and the profile is for it: said before anything starts, and looked at again then. */
async function requireProcess(
  deps: AppDeps,
  caller: Caller,
  action: 'open' | 'run',
  request: OpenRequest,
  signal: AbortSignal,
): Promise<void> {
  try {
    await askIdentity(caller, request, signal)
  } catch (error) {
    if (error instanceof HatchwayError && error.code === 'profile_insufficient') {
      const { ref: target, rules, command } = request
      const refusal = { caller, action, target, rules: [...rules], reason: error.message, command }
      await auditDenied(deps.store, defined(refusal))
    }
    throw error
  }
}

async function askForApproval(
  deps: AppDeps,
  caller: Caller,
  request: OpenRequest,
  { approval: terms }: Decision & { effect: 'require-approval' },
  signal: AbortSignal,
): Promise<SessionRow> {
  const identity = await identify(caller, request, signal)
  return await deps.approvals.request(defined({ ...request, terms, identity }))
}

function breakGlassProblem(
  { rules, approval }: Decision & { effect: 'require-approval' },
  reason: string | undefined,
): (Decision & { effect: 'deny' }) | undefined {
  const quoted = approval.needs.map(({ rule }) => JSON.stringify(rule)).join(', ')
  if (!approval.breakGlass) {
    const explanation = `Policy does not let you start without the approval that ${quoted} requires. Ask for it instead.`
    return { effect: 'deny', rules, code: 'forbidden', explanation }
  }
  if (reason !== undefined) return undefined
  const explanation = 'Starting without the approval needs a reason: it will be reviewed.'
  return { effect: 'deny', rules, code: 'reason_required', explanation }
}

/**
 * As whom it would run, for the approvers to see. A target that can't tell now tells when it starts; not so of a process that was
 * asked for, which has to be the one that they were shown.
 */
async function identify(
  caller: Caller,
  request: OpenRequest,
  signal: AbortSignal,
): Promise<Identity | undefined> {
  try {
    return await askIdentity(caller, request, signal)
  } catch (error) {
    const mayWait = request.process === undefined && error instanceof HatchwayError
    if (mayWait && error.code !== 'profile_insufficient') return undefined
    throw error
  }
}

async function askIdentity(
  { who }: Caller,
  { driver, target, profile, process }: OpenRequest,
  signal: AbortSignal,
): Promise<Identity> {
  const wish = defined({ process })
  const ask = async (signal: AbortSignal) => await driver.as(who).identify(target, profile, signal, wish)
  return await within(driverMs, `Environment ${driver.environment}`, signal, ask)
}

function decideExactly(
  deps: AppDeps,
  { who }: Caller,
  action: 'open' | 'run',
  target: PolicyTarget,
  { reason, ticket, copy, scope }: Wish,
  chosen: { toolbox: Toolbox; profile: Profile },
): Decision {
  return deps.policy().decide(
    defined({
      who,
      action,
      target,
      toolbox: chosen.toolbox.name,
      profile: chosen.profile,
      reason: said(reason),
      ticket: said(ticket),
      copy: copy === true || scope === 'copy' ? true : undefined,
    }),
  )
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
