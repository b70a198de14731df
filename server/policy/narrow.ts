import type { Grant } from '../core/policy.ts'
import type { CompiledRule } from './match-rule.ts'
import { defaultLimits } from './rule.ts'

/** What remains after every rule has narrowed it: lists intersect, durations take the minimum, the stricter flag wins. */
export function narrow(rules: readonly CompiledRule[]): Grant {
  let toolboxes: Grant['toolboxes']
  let profiles: Grant['profiles'] | undefined
  let maxDurationMs = Infinity
  let idleTimeoutMs = Infinity
  const reasonPatterns = new Set<string>()
  const ticketPatterns = new Set<string>()
  let [requireReason, requireTicket, recordInput, exclusive] = [false, false, false, false]
  let [copies, noCopies, bestEffort, strict] = [false, false, false, false]
  // One walk: ten thousand rules may match.
  for (const { rule } of rules) {
    toolboxes = intersect(toolboxes, rule.toolboxes)
    profiles = intersect(profiles, rule.profiles)
    if (rule.maxDurationMs !== undefined && rule.maxDurationMs < maxDurationMs)
      maxDurationMs = rule.maxDurationMs
    if (rule.idleTimeoutMs !== undefined) idleTimeoutMs = Math.min(idleTimeoutMs, rule.idleTimeoutMs)
    if (rule.reasonPattern !== undefined) reasonPatterns.add(rule.reasonPattern)
    if (rule.ticketPattern !== undefined) ticketPatterns.add(rule.ticketPattern)
    requireReason ||= rule.requireReason === true || rule.reasonPattern !== undefined
    requireTicket ||= rule.requireTicket === true || rule.ticketPattern !== undefined
    recordInput ||= rule.recordInput === true
    exclusive ||= rule.exclusive === true
    copies ||= rule.copies === true
    noCopies ||= rule.copies === false
    bestEffort ||= rule.recording === 'best-effort'
    strict ||= rule.recording === 'strict'
  }
  return {
    ...(toolboxes !== undefined && { toolboxes }),
    profiles: profiles ?? defaultLimits.profiles,
    copies: copies && !noCopies,
    requireReason,
    requireTicket,
    reasonPatterns: [...reasonPatterns],
    ticketPatterns: [...ticketPatterns],
    maxDurationMs: maxDurationMs === Infinity ? defaultLimits.maxDurationMs : maxDurationMs,
    idleTimeoutMs: idleTimeoutMs === Infinity ? defaultLimits.idleTimeoutMs : idleTimeoutMs,
    recordInput,
    exclusive,
    recording: bestEffort && !strict ? 'best-effort' : 'strict',
  }
}

/** Without a list nothing is said, and nothing is taken away. */
function intersect<T>(
  left: readonly T[] | undefined,
  list: readonly T[] | undefined,
): readonly T[] | undefined {
  if (list === undefined) return left
  if (left === undefined) return [...new Set(list)]
  for (const item of left) if (!list.includes(item)) return left.filter((item) => list.includes(item))
  return left
}
