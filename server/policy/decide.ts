import type { ApprovalTerms, Decision, Grant, PolicyRequest } from '../core/policy.ts'
import { explainNoRule } from './explain.ts'
import { findPowerProblem } from './host-power.ts'
import type { CompiledRule, RuleSet } from './match-rule.ts'
import { narrow } from './narrow.ts'
import { phrase, quote, shorten, verb, wayOut } from './words.ts'

type Denial = Decision & { effect: 'deny' }

/**
 * Default deny. A matching deny rule wins; else all matching rules narrow together, and one that requires an approval is
 * enough to require it. Toolbox and profile are judged when given; a required reason or ticket is missed by `open` and `run`
 * alone, and not while `prospective`. Linear in the number of rules; the clock is `at`.
 */
export function decide(rules: RuleSet, request: PolicyRequest, at: Date): Decision {
  const matching = rules.matching(request, at)
  const denying = matching.filter(({ rule }) => rule.effect === 'deny')
  if (denying.length > 0) {
    return deny(
      denying,
      `${quote(denying)} ${verb(denying, 'denies', 'deny')} it: you may not ${phrase(request)}. ${wayOut}`,
    )
  }
  if (matching.length === 0) return deny([], explainNoRule(rules.all, request, at))
  const grant = narrow(matching)
  const problem = findProblem(rules, matching, request, grant)
  if (problem !== undefined) return problem
  const approval = approvalOf(matching, request)
  const decided = { rules: namesOf(matching), grant }
  return approval === undefined
    ? { effect: 'allow', ...decided }
    : { effect: 'require-approval', ...decided, approval }
}

function approvalOf(
  matching: readonly CompiledRule[],
  { who, action }: PolicyRequest,
): ApprovalTerms | undefined {
  // Seeing a target needs no approval: who may ask for one has to find it first.
  if (action === 'list') return undefined
  const requiring = matching.filter(({ rule }) => rule.effect === 'require-approval')
  if (requiring.length === 0) return undefined
  return {
    needs: requiring.map(({ rule: { name, approval } }) => ({
      rule: name,
      groups: approval?.groups ?? [],
      count: approval?.count ?? 1,
    })),
    breakGlass: requiring.every(({ rule }) =>
      rule.breakGlass?.groups.some((group) => who.groups.includes(group)),
    ),
  }
}

function findProblem(
  rules: RuleSet,
  matching: readonly CompiledRule[],
  request: PolicyRequest,
  grant: Grant,
): Denial | undefined {
  const starts = request.action === 'open' || request.action === 'run'
  for (const kind of ['toolboxes', 'profiles'] as const) {
    const problem = findChoiceProblem(matching, request, grant, kind)
    if (problem !== undefined) return problem
  }
  if (!starts) return undefined
  const power = findPowerProblem(matching, request, grant)
  if (power !== undefined) return deny(matching, power, 'profile_insufficient')
  if (request.copy === true && !grant.copies) {
    const by = matching.filter(({ rule }) => rule.copies === false)
    return deny(
      by.length === 0 ? matching : by,
      `A debug copy of the pod is not allowed to ${phrase(request)} with: a rule has to say copies: true. ${wayOut}`,
    )
  }
  if (request.prospective === true) return undefined
  return findWordsProblem(rules, matching, request, grant)
}

function findChoiceProblem(
  matching: readonly CompiledRule[],
  request: PolicyRequest,
  grant: Grant,
  kind: 'toolboxes' | 'profiles',
): Denial | undefined {
  const allowed: readonly string[] | undefined = grant[kind]
  const asked = kind === 'toolboxes' ? request.toolbox : request.profile
  const starts = request.action === 'open' || request.action === 'run'
  const noneLeft = starts && allowed?.length === 0
  if (!noneLeft && (asked === undefined || allowed === undefined || allowed.includes(asked))) return undefined
  const limiting = matching.filter(({ rule }) => rule[kind] !== undefined)
  if (noneLeft) {
    return deny(
      limiting,
      `${quote(limiting)} all match and name no common ${kind}, so none is left to ${phrase(request)} with. ${wayOut}`,
    )
  }
  const one = kind === 'toolboxes' ? 'toolbox' : 'profile'
  const by =
    limiting.length === 0 ? 'No rule names it' : `${quote(limiting)} ${verb(limiting, 'limits', 'limit')} it`
  return deny(
    limiting.length === 0 ? matching : limiting,
    `The ${one} ${asked} is not allowed to ${phrase(request)} with. ${by}; allowed: ${allowed.join(', ') || 'none'}.`,
  )
}

/** The reason and the ticket: there where they have to be, and as every matching rule wants them. */
function findWordsProblem(
  rules: RuleSet,
  matching: readonly CompiledRule[],
  request: PolicyRequest,
  grant: Grant,
): Denial | undefined {
  for (const kind of ['reason', 'ticket'] as const) {
    const text = (request[kind] ?? '').trim()
    const pattern = kind === 'reason' ? 'reasonPattern' : 'ticketPattern'
    const code = kind === 'reason' ? 'reason_required' : 'ticket_required'
    if (text === '') {
      if (!(kind === 'reason' ? grant.requireReason : grant.requireTicket)) continue
      const flag = kind === 'reason' ? 'requireReason' : 'requireTicket'
      const requiring = matching.filter(({ rule }) => rule[flag] === true || rule[pattern] !== undefined)
      const advice = kind === 'reason' ? 'Say why you need it' : 'Name the ticket that it belongs to'
      return deny(
        requiring,
        `${quote(requiring)} ${verb(requiring, 'requires', 'require')} a ${kind} to ${phrase(request)}. ${advice} and try again.`,
        code,
      )
    }
    const wanted = grant[kind === 'reason' ? 'reasonPatterns' : 'ticketPatterns']
    const missed = new Set(wanted.filter((source) => !rules.fits(source, text)))
    if (missed.size === 0) continue
    const refusing = matching.filter(({ rule }) => missed.has(rule[pattern] ?? ''))
    return deny(
      refusing,
      `${quote(refusing)} ${verb(refusing, 'wants', 'want')} another ${kind} to ${phrase(request)}: all of it must match ${shorten([...missed])}.`,
      code,
    )
  }
  return undefined
}

function deny(
  rules: readonly CompiledRule[],
  explanation: string,
  code: Denial['code'] = 'forbidden',
): Denial {
  return { effect: 'deny', rules: namesOf(rules), code, explanation }
}

function namesOf(rules: readonly CompiledRule[]): string[] {
  return rules.map(({ rule }) => rule.name)
}
