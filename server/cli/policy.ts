import { readFileSync, statSync } from 'node:fs'
import { ConfigError } from '../core/config-error.ts'
import { formatDuration } from '../core/duration.ts'
import { HatchwayError, messageOf } from '../core/errors.ts'
import {
  type ApprovalTerms,
  type Explanation,
  type Grant,
  type PolicyRequest,
  type PolicyTarget,
} from '../core/policy.ts'
import { actions, type Action, type RuleEffect } from '../core/vocabulary.ts'
import { targetFacts } from '../core/vocabulary.ts'
import { parseTargetRef } from '../core/target-ref.ts'
import { profiles, type Profile } from '../core/vocabulary.ts'
import { policyFromText, type RulePolicy } from '../policy/compile-policy.ts'
import { maxPolicyBytes } from '../policy/parse-policy.ts'
import { UsageError, type ParsedArgs } from './parse-args.ts'

/** `policy check FILE`: the lines to print. Throws ConfigError with every problem. */
export function checkPolicy(args: ParsedArgs): string {
  const file = args.positionals[0] ?? ''
  const policy = readPolicy(file)
  return `${file}: ${policy.ruleCount} ${policy.ruleCount === 1 ? 'rule' : 'rules'}, no problem. Version ${policy.version}.\n`
}

/** `policy explain … FILE`: which rules match, what is decided, and what would be needed. */
export function explainPolicy(args: ParsedArgs): { text: string; effect: RuleEffect } {
  const policy = readPolicy(args.positionals[0] ?? '').at(readMoment(args))
  const explanation = policy.explain(readRequest(args))
  return { text: formatExplanation(explanation), effect: explanation.decision.effect }
}

/** `policy simulate`: one question, before and after a change of the policy file. */
export function simulatePolicy(args: ParsedArgs): string {
  const request = readRequest(args)
  const moment = readMoment(args)
  const [before, after] = (['before', 'after'] as const).map((which) => {
    const file = args.option(which)
    if (file === undefined) throw new UsageError(`--${which} FILE is missing.`)
    return formatExplanation(readPolicy(file).at(moment).explain(request))
  })
  const verdict = before === after ? 'does not matter' : 'matters'
  return `Before\n${indent(before)}After\n${indent(after)}The change ${verdict} to this request.\n`
}

function indent(text = ''): string {
  return text.replaceAll(/^(?=.)/gm, '  ')
}

function formatExplanation({ decision, matching, near }: Explanation): string {
  const lines =
    matching.length === 0
      ? ['No rule matches.']
      : [
          'Matching rules, in the order of the file:',
          ...matching.map(({ name, effect }) => `  ${effect.padEnd(16)}  ${name}`),
        ]
  if (decision.effect === 'deny') lines.push(`Decision: deny (${decision.code})`, `  ${decision.explanation}`)
  else lines.push(`Decision: ${decision.effect}`, ...formatGrant(decision.grant))
  if (decision.effect === 'require-approval') lines.push(...formatTerms(decision.approval))
  if (near.length > 0) {
    lines.push('Rules about this target that lack one thing:')
    lines.push(
      ...near.map(({ name, effect, lacks, wants }) => `  ${effect.padEnd(16)}  ${name}: ${lacks}: ${wants}`),
    )
  }
  return `${lines.join('\n')}\n`
}

function formatTerms({ needs, breakGlass }: ApprovalTerms): string[] {
  return [
    ...needs.map(({ rule, groups, count }) => `  approval      ${count} of ${groups.join(', ')} (${rule})`),
    `  break-glass   ${breakGlass ? 'allowed, with a reason' : 'not allowed'}`,
  ]
}

function formatGrant(grant: Grant): string[] {
  return [
    `  toolboxes     ${grant.toolboxes?.join(', ') ?? 'every configured one'}`,
    `  profiles      ${grant.profiles.join(', ')}`,
    `  reason        ${wanted(grant.requireReason, grant.reasonPatterns)}`,
    `  ticket        ${wanted(grant.requireTicket, grant.ticketPatterns)}`,
    `  max duration  ${formatDuration(grant.maxDurationMs)}`,
    `  idle timeout  ${formatDuration(grant.idleTimeoutMs)}`,
    `  recording     ${grant.recording}${grant.recordInput ? ', with input' : ''}`,
  ]
}

function wanted(required: boolean, patterns: readonly string[]): string {
  return [required ? 'required' : 'optional', ...patterns.map((pattern) => `must match ${pattern}`)].join(
    ', ',
  )
}

/** `--at`, else now. */
function readMoment(args: ParsedArgs): Date {
  const text = args.option('at')
  if (text === undefined) return new Date()
  const moment = new Date(text)
  // A local time would mean another moment on another machine.
  if (Number.isNaN(moment.getTime()) || !/(Z|[+-]\d\d:\d\d)$/.test(text)) {
    throw new UsageError('--at must be a time such as 2026-11-24T22:30:00Z or 2026-11-24T22:30:00+01:00.')
  }
  return moment
}

function readRequest(args: ParsedArgs): PolicyRequest {
  const target = args.option('target')
  const toolbox = args.option('toolbox')
  const profile = args.option('profile')
  const reason = args.option('reason')
  const ticket = args.option('ticket')
  const labels = Object.fromEntries(args.options('label').map(readLabel))
  if (target === undefined && args.options('label').length > 0)
    throw new UsageError('--label describes a target: give --target too.')
  const facts = args.options('fact').map((fact) => readOneOf('fact', fact, targetFacts))
  if (target === undefined && facts.length > 0)
    throw new UsageError('--fact describes a target: give --target too.')
  return {
    who: { subject: args.option('user') ?? '', groups: args.options('group') },
    action: readOneOf('action', args.option('action') ?? 'open', actions) satisfies Action,
    ...(target !== undefined && { target: { ...readTarget(target, labels), facts } }),
    ...(toolbox !== undefined && { toolbox }),
    ...(profile !== undefined && { profile: readOneOf('profile', profile, profiles) satisfies Profile }),
    ...(reason !== undefined && { reason }),
    ...(ticket !== undefined && { ticket }),
  }
}

function readTarget(text: string, labels: Record<string, string>): PolicyTarget {
  try {
    const ref = parseTargetRef(text)
    if (ref.kind === 'docker') return { environment: ref.environment, name: ref.container, labels }
    const { environment, namespace, workload, name } = ref
    return { environment, namespace, name: `${workload}/${name}`, labels }
  } catch (cause) {
    throw cause instanceof HatchwayError ? new UsageError(`--target: ${cause.message}`) : cause
  }
}

function readLabel(text: string): [string, string] {
  const equals = text.indexOf('=')
  if (equals < 1) throw new UsageError(`--label ${JSON.stringify(text)} must look like name=value.`)
  return [text.slice(0, equals), text.slice(equals + 1)]
}

function readOneOf<T extends string>(option: string, value: string, known: readonly T[]): T {
  const found = known.find((name) => name === value)
  if (found === undefined) throw new UsageError(`--${option} must be one of ${known.join(', ')}.`)
  return found
}

function readPolicy(file: string): RulePolicy {
  let text: string
  try {
    if (statSync(file).size > maxPolicyBytes) throw new Error('it is larger than 1 MiB')
    text = readFileSync(file, 'utf8')
  } catch (cause) {
    throw new ConfigError(file, [{ path: '', message: `cannot be read: ${messageOf(cause)}` }])
  }
  return policyFromText(text, file)
}
