import { readFileSync, statSync } from 'node:fs'
import { ConfigError } from '../core/config-error.ts'
import { formatDuration } from '../core/duration.ts'
import { HatchwayError, messageOf } from '../core/errors.ts'
import { actions, type Action, type Grant, type PolicyRequest, type PolicyTarget } from '../core/policy.ts'
import { parseTargetRef } from '../core/target-ref.ts'
import { profiles, type Profile } from '../core/target.ts'
import { policyFromText, type RulePolicy } from '../policy/compile-policy.ts'
import { maxPolicyBytes } from '../policy/parse-policy.ts'
import { UsageError, type ParsedArgs } from './parse-args.ts'

/** `policy check FILE`: the lines to print. Throws ConfigError with every problem. */
export function checkPolicy(args: ParsedArgs): string {
  const file = args.positionals[0] ?? ''
  const policy = readPolicy(file)
  return `${file}: ${policy.ruleCount} ${policy.ruleCount === 1 ? 'rule' : 'rules'}, no problem. Version ${policy.version}.\n`
}

/** `policy explain … FILE`: which rules match, and what is decided. */
export function explainPolicy(args: ParsedArgs): { text: string; allowed: boolean } {
  const policy = readPolicy(args.positionals[0] ?? '')
  const request = readRequest(args)
  const matching = policy.match(request)
  const decision = policy.decide(request)
  const lines =
    matching.length === 0
      ? ['No rule matches.']
      : [
          'Matching rules, in the order of the file:',
          ...matching.map(({ name, effect }) => `  ${effect.padEnd(16)}  ${name}`),
        ]
  const allowed = decision.effect === 'allow'
  if (allowed) lines.push('Decision: allow', ...formatGrant(decision.grant))
  else lines.push(`Decision: deny (${decision.code})`, `  ${decision.explanation}`)
  return { text: `${lines.join('\n')}\n`, allowed }
}

function formatGrant(grant: Grant): string[] {
  return [
    `  toolboxes     ${grant.toolboxes?.join(', ') ?? 'every configured one'}`,
    `  profiles      ${grant.profiles.join(', ')}`,
    `  reason        ${grant.requireReason ? 'required' : 'optional'}`,
    `  max duration  ${formatDuration(grant.maxDurationMs)}`,
    `  idle timeout  ${formatDuration(grant.idleTimeoutMs)}`,
    `  recording     ${grant.recording}${grant.recordInput ? ', with input' : ''}`,
  ]
}

function readRequest(args: ParsedArgs): PolicyRequest {
  const target = args.option('target')
  const toolbox = args.option('toolbox')
  const profile = args.option('profile')
  const reason = args.option('reason')
  const labels = Object.fromEntries(args.options('label').map(readLabel))
  if (target === undefined && args.options('label').length > 0)
    throw new UsageError('--label describes a target: give --target too.')
  return {
    who: { subject: args.option('user') ?? '', groups: args.options('group') },
    action: readOneOf('action', args.option('action') ?? 'open', actions) satisfies Action,
    ...(target !== undefined && { target: readTarget(target, labels) }),
    ...(toolbox !== undefined && { toolbox }),
    ...(profile !== undefined && { profile: readOneOf('profile', profile, profiles) satisfies Profile }),
    ...(reason !== undefined && { reason }),
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
