import type { Decision, Grant, PolicyRequest } from '../core/policy.ts'
import type { CompiledRule, RuleSet } from './match-rule.ts'
import { narrow } from './narrow.ts'
import type { Rule } from './rule.ts'

/**
 * Default deny. A matching deny rule wins; then a matching require-approval rule; else all matching allow rules narrow
 * together. Toolbox and profile are judged when given; a required reason is missed by `open` and `run` alone. Linear in the number of rules.
 */
export function decide(rules: RuleSet, request: PolicyRequest): Decision {
  const matching = rules.matching(request)
  const denying = matching.filter((rule) => rule.effect === 'deny')
  if (denying.length > 0) {
    return deny(
      denying,
      `${quote(denying)} ${verb(denying, 'denies', 'deny')} it: you may not ${phrase(request)}. ${wayOut}`,
    )
  }
  const approving = matching.filter((rule) => rule.effect === 'require-approval')
  // Seeing a target needs no approval: who may ask for one has to find it first.
  if (approving.length > 0 && request.action !== 'list') {
    return deny(
      approving,
      `${quote(approving)} ${verb(approving, 'requires', 'require')} an approval to ${phrase(request)}, and approvals are not available in this version. ${wayOut}`,
      'approval_unsupported',
    )
  }
  if (matching.length === 0) return deny([], explainNoRule(rules.all, request))
  const grant = narrow(matching)
  const problem = findProblem(matching, request, grant)
  return problem ?? { effect: 'allow', rules: namesOf(matching), grant }
}

// A page of targets asks this once per target.
const maxHintedRules = 500
const wayOut = 'Ask whoever maintains the policy of this gateway if you need it.'

function findProblem(allowing: readonly Rule[], request: PolicyRequest, grant: Grant): Decision | undefined {
  const starts = request.action === 'open' || request.action === 'run'
  for (const kind of ['toolboxes', 'profiles'] as const) {
    const allowed: readonly string[] | undefined = grant[kind]
    const asked = kind === 'toolboxes' ? request.toolbox : request.profile
    const limiting = allowing.filter((rule) => rule[kind] !== undefined)
    if (allowed?.length === 0 && starts) {
      return deny(
        limiting,
        `${quote(limiting)} all match and name no common ${kind}, so none is left to ${phrase(request)} with. ${wayOut}`,
      )
    }
    if (asked === undefined || allowed === undefined || allowed.includes(asked)) continue
    const one = kind === 'toolboxes' ? 'toolbox' : 'profile'
    const by =
      limiting.length === 0
        ? 'No rule names it'
        : `${quote(limiting)} ${verb(limiting, 'limits', 'limit')} it`
    return deny(
      limiting.length === 0 ? allowing : limiting,
      `The ${one} ${asked} is not allowed to ${phrase(request)} with. ${by}; allowed: ${allowed.join(', ') || 'none'}.`,
    )
  }
  if (starts && request.copy === true && !grant.copies) {
    const by = allowing.filter((rule) => rule.copies === false)
    return deny(
      by.length === 0 ? allowing : by,
      `A debug copy of the pod is not allowed to ${phrase(request)} with: a rule has to say copies: true. ${wayOut}`,
    )
  }
  if (starts && grant.requireReason && (request.reason ?? '').trim() === '') {
    const requiring = allowing.filter((rule) => rule.requireReason === true)
    const explanation = `${quote(requiring)} ${verb(requiring, 'requires', 'require')} a reason to ${phrase(request)}. Say why you need it and try again.`
    return deny(requiring, explanation, 'reason_required')
  }
  return undefined
}

/** Default deny, with up to three rules that came close and what they ask for. */
function explainNoRule(rules: readonly CompiledRule[], request: PolicyRequest): string {
  const start = `No rule lets ${request.who.subject} ${phrase(request)}.`
  // Lists ask once per container; nobody reads why one is left out.
  if (request.action === 'list') return start
  const near: string[] = []
  for (const compiled of rules.slice(0, maxHintedRules)) {
    if (near.length === 3) break
    const hint = compiled.rule.effect === 'deny' ? undefined : nearMiss(compiled, request)
    if (hint !== undefined) near.push(hint)
  }
  return near.length === 0 ? `${start} ${wayOut}` : `${start} ${near.join(' ')}`
}

function nearMiss(compiled: CompiledRule, request: PolicyRequest): string | undefined {
  const { rule } = compiled
  const who = compiled.matchesWho(request.who)
  const action = compiled.matchesAction(request.action)
  if (!compiled.matchesTarget(request.target)) return undefined
  if (!who && action)
    return `The rule "${rule.name}" would allow it${rule.effect === 'allow' ? '' : ', with an approval,'} for ${formatWho(rule)}.`
  if (who && !action) return `The rule "${rule.name}" lets you only ${rule.actions.join(', ')}.`
  return undefined
}

function formatWho(rule: Rule): string {
  const parts = [
    rule.who.groups.length > 0 ? `members of ${shorten(rule.who.groups)}` : '',
    rule.who.subjects.length > 0 ? `the subjects ${shorten(rule.who.subjects)}` : '',
  ]
  return parts.filter((part) => part !== '').join(' and ')
}

function shorten(names: readonly string[]): string {
  return names.length <= 5 ? names.join(', ') : `${names.slice(0, 5).join(', ')} and ${names.length - 5} more`
}

function phrase({ action, target }: PolicyRequest): string {
  if (target === undefined) return words[action]
  const { environment, namespace, name } = target
  return `${words[action]} ${[environment, namespace, name].filter((part) => part !== undefined).join('/')}`
}

const words = {
  list: 'see',
  open: 'open a session in',
  watch: 'watch a session in',
  terminate: 'end a session in',
  run: 'run a command in',
  'read-recording': 'replay a recording of',
  'read-audit': 'read the audit log',
  approve: 'approve a session in',
} as const satisfies Record<PolicyRequest['action'], string>

function verb(rules: readonly Rule[], one: string, many: string): string {
  return rules.length === 1 ? one : many
}

function quote(rules: readonly Rule[]): string {
  const names = shorten(rules.map((rule) => `"${rule.name}"`))
  return rules.length === 1 ? `The rule ${names}` : `The rules ${names}`
}

function deny(
  rules: readonly Rule[],
  explanation: string,
  code: (Decision & { effect: 'deny' })['code'] = 'forbidden',
): Decision {
  return { effect: 'deny', rules: namesOf(rules), code, explanation }
}

function namesOf(rules: readonly Rule[]): string[] {
  return rules.map((rule) => rule.name)
}
