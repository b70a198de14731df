import { HatchwayError } from '../core/errors.ts'
import type { AuditTrail } from '../core/audit-trail.ts'
import type { Decision, Grant, PolicyTarget } from '../core/policy.ts'
import { policyTargetOf } from '../core/session-policy.ts'
import type { SessionRow } from '../core/session.ts'
import type { PodPick, SessionScope } from '../core/vocabulary.ts'
import type { Identity } from '../core/identity.ts'
import type { Toolbox } from '../core/debug-container.ts'
import type { Profile } from '../core/vocabulary.ts'
import type { TerminalSize } from '../core/streams.ts'
import type { Approvals, OpenRequest, RunOutcome, Sessions } from '../sessions/sessions.ts'
import { kindOf } from '../sessions/kinds/kinds.ts'
import { auditDenied } from './audit-trail.ts'
import type { Caller } from './caller.ts'
import { withoutUndefined } from '../core/without-undefined.ts'
import { within } from '../core/deadline.ts'
import { driverMs, resolveTarget, visible, type FindTargetDeps } from './find-target.ts'
import { nonBlank } from './non-blank.ts'
import { decideOpenWithReason, targetNotFound } from './permissions.ts'

/** What a session in a target may be asked to be; what is left out, the gateway fills in. */
interface StartInput {
  /** A target reference. */
  target: string
  toolbox?: string | undefined
  profile?: Profile | undefined
  reason?: string | undefined
  ticket?: string | undefined
  pick?: PodPick | undefined
  process?: string | undefined
  command?: readonly string[] | undefined
}

export interface OpenInput extends StartInput {
  size?: TerminalSize | undefined
  /** The same as `scope: 'copy'`. */
  copy?: boolean | undefined
  scope?: SessionScope | undefined
  /** Start at once where an approval is required. Needs a reason. */
  breakGlass?: boolean | undefined
}

export interface RunInput extends StartInput {
  command: readonly string[]
  cwd?: string | undefined
  /** From the request on, with the start; policy may allow less. */
  timeoutSeconds: number
}

/** What it takes to decide on a start. */
interface DecideStartDeps extends FindTargetDeps {
  toolboxes: readonly Toolbox[]
  audit: AuditTrail
}

export interface OpenSessionDeps extends DecideStartDeps {
  sessions: Pick<Sessions, 'open' | 'run'>
  approvals: Pick<Approvals, 'request' | 'breakGlass'>
}

const defaultSize = { cols: 80, rows: 24 }

type Refuse = (denied: Decision & { effect: 'deny' }) => Promise<never>

/** Starts, or asks for the approval that it takes. Refused as {@link decideStart} says. */
export async function openSession(
  deps: OpenSessionDeps,
  caller: Caller,
  input: OpenInput,
  signal: AbortSignal,
): Promise<SessionRow> {
  const { request, decision, refuse } = await decideStart(
    deps,
    caller,
    { kind: 'terminal', detail: {} },
    input,
    signal,
  )
  if (decision.effect === 'allow') return await deps.sessions.open(request)
  if (input.breakGlass !== true) return await askForApproval(deps, caller, request, decision, signal)
  const problem = breakGlassProblem(decision, request.reason)
  if (problem !== undefined) return await refuse(problem)
  return await deps.approvals.breakGlass({ ...request, terms: decision.approval })
}

/** Runs a command to its end, or asks for the approval that it takes: then it runs by itself once it is approved. */
export async function runCommand(
  deps: OpenSessionDeps,
  caller: Caller,
  { timeoutSeconds, cwd, ...input }: RunInput,
  signal: AbortSignal,
): Promise<RunOutcome | SessionRow> {
  const started = { kind: 'command', detail: withoutUndefined({ cwd }) } as const
  const { request, decision } = await decideStart(deps, caller, started, input, signal)
  const maxDurationMs = Math.min(request.grant.maxDurationMs, timeoutSeconds * 1000)
  const limited = { ...request, grant: { ...request.grant, maxDurationMs } }
  if (decision.effect === 'allow') return await deps.sessions.run(limited, signal)
  return await askForApproval(deps, caller, limited, decision, signal)
}

/**
 * Finds the target, asks policy and fills in what was left open. A refusal is in the audit log before it is answered; a
 * target that the caller may not know of is answered like one that does not exist.
 */
async function decideStart(
  deps: DecideStartDeps,
  caller: Caller,
  started: Pick<OpenRequest, 'kind' | 'detail'>,
  input: OpenInput,
  signal: AbortSignal,
): Promise<{ request: OpenRequest; decision: Exclude<Decision, { effect: 'deny' }>; refuse: Refuse }> {
  const { who, from } = caller
  const { action } = kindOf(started)
  const { target, driver } = await resolveTarget(
    deps,
    who,
    input.target,
    withoutUndefined({ pick: input.pick }),
    signal,
  )
  const described = policyTargetOf(target)
  const refuse: Refuse = async ({ rules, explanation, code }) => {
    const { target: ref, command } = input
    const refusal = { caller, action, target: ref, rules, reason: explanation, command }
    await auditDenied(deps.audit, withoutUndefined(refusal))
    if (!visible(deps, who, target)) throw targetNotFound(input.target)
    throw new HatchwayError(code, explanation)
  }
  if (input.copy === true && input.scope !== undefined && input.scope !== 'copy')
    throw new HatchwayError(
      'invalid_request',
      'It asks for a copy and for another scope. Leave out one of them.',
    )
  const possible = decideOpenWithReason(deps.policy(), who, described, action)
  if (possible.effect === 'deny') return await refuse(possible)
  const toolbox = chooseToolbox(deps.toolboxes, possible.grant, input.toolbox)
  const profile = chooseProfile(possible.grant, input.profile)
  const decision = decideExactly(deps, caller, action, described, input, { toolbox, profile })
  if (decision.effect === 'deny') return await refuse(decision)
  const request = withoutUndefined({
    ...started,
    who,
    from,
    ref: input.target,
    target,
    driver,
    toolbox,
    profile,
    grant: decision.grant,
    rules: decision.rules,
    reason: nonBlank(input.reason),
    ticket: nonBlank(input.ticket),
    size: input.size ?? defaultSize,
    command: input.command,
    pick: input.pick,
    copy: input.copy === true || input.scope === 'copy' ? true : undefined,
    networkOnly: input.scope === 'network' ? true : undefined,
    process: input.process,
  })
  if (input.process !== undefined) await requireProcess(deps.audit, caller, action, request, signal)
  return { request, decision, refuse }
}

/** A process that was asked for is there, and the profile is for it: said before anything starts, and looked at again then. */
async function requireProcess(
  audit: AuditTrail,
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
      await auditDenied(audit, withoutUndefined(refusal))
    }
    throw error
  }
}

async function askForApproval(
  { approvals }: Pick<OpenSessionDeps, 'approvals'>,
  caller: Caller,
  request: OpenRequest,
  { approval: terms }: Decision & { effect: 'require-approval' },
  signal: AbortSignal,
): Promise<SessionRow> {
  const identity = await identify(caller, request, signal)
  return await approvals.request(withoutUndefined({ ...request, terms, identity }))
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
  const input = withoutUndefined({ process })
  const ask = async (signal: AbortSignal) => await driver.as(who).identify(target, profile, signal, input)
  return await within(driverMs, `Environment ${driver.environment}`, signal, ask)
}

function decideExactly(
  { policy }: Pick<DecideStartDeps, 'policy'>,
  { who }: Caller,
  action: 'open' | 'run',
  target: PolicyTarget,
  { reason, ticket, copy, scope }: OpenInput,
  chosen: { toolbox: Toolbox; profile: Profile },
): Decision {
  return policy().decide(
    withoutUndefined({
      who,
      action,
      target,
      toolbox: chosen.toolbox.name,
      profile: chosen.profile,
      reason: nonBlank(reason),
      ticket: nonBlank(ticket),
      copy: copy === true || scope === 'copy' ? true : undefined,
    }),
  )
}

// A toolbox or profile that was asked for and is not granted stays: the exact decision refuses it with its rule.
function chooseToolbox(toolboxes: readonly Toolbox[], grant: Grant, named: string | undefined): Toolbox {
  const allowed = toolboxes.filter(({ name }) => grant.toolboxes?.includes(name) ?? true)
  const chosen = named === undefined ? allowed[0] : toolboxes.find(({ name }) => name === named)
  if (chosen !== undefined) return chosen
  const names = allowed.map(({ name }) => name).join(', ')
  throw new HatchwayError(
    'invalid_request',
    named === undefined
      ? 'Policy allows none of the configured toolboxes for this target.'
      : `There is no toolbox ${JSON.stringify(named)}. You may use: ${names || 'none'}.`,
  )
}

function chooseProfile(grant: Grant, named: Profile | undefined): Profile {
  if (named !== undefined) return named
  return grant.profiles.includes('auto') ? 'auto' : (grant.profiles[0] ?? 'auto')
}
