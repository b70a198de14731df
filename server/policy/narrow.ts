import type { Grant } from '../core/policy.ts'
import { defaultLimits, type Rule } from './rule.ts'

/** What remains after every rule has narrowed it: lists intersect, durations take the minimum, the stricter flag wins. */
export function narrow(rules: readonly Rule[]): Grant {
  const toolboxes = intersect(rules.map((rule) => rule.toolboxes))
  return {
    ...(toolboxes !== undefined && { toolboxes }),
    profiles: intersect(rules.map((rule) => rule.profiles)) ?? defaultLimits.profiles,
    copies: rules.some((rule) => rule.copies === true) && rules.every((rule) => rule.copies !== false),
    requireReason: rules.some((rule) => rule.requireReason === true || rule.reasonPattern !== undefined),
    requireTicket: rules.some((rule) => rule.requireTicket === true || rule.ticketPattern !== undefined),
    reasonPatterns: [...new Set(rules.flatMap((rule) => rule.reasonPattern ?? []))],
    ticketPatterns: [...new Set(rules.flatMap((rule) => rule.ticketPattern ?? []))],
    maxDurationMs: least(rules.map((rule) => rule.maxDurationMs)) ?? defaultLimits.maxDurationMs,
    idleTimeoutMs: least(rules.map((rule) => rule.idleTimeoutMs)) ?? defaultLimits.idleTimeoutMs,
    recordInput: rules.some((rule) => rule.recordInput === true),
    recording: leastStrict(rules) ? 'best-effort' : 'strict',
  }
}

function leastStrict(rules: readonly Rule[]): boolean {
  const said = rules.flatMap((rule) => rule.recording ?? [])
  return said.length > 0 && said.every((recording) => recording === 'best-effort')
}

function least(values: readonly (number | undefined)[]): number | undefined {
  let result: number | undefined
  for (const value of values) {
    if (value !== undefined && (result === undefined || value < result)) result = value
  }
  return result
}

function intersect<T>(lists: readonly (readonly T[] | undefined)[]): readonly T[] | undefined {
  let result: readonly T[] | undefined
  for (const list of lists) {
    if (list === undefined) continue
    result = result === undefined ? [...new Set(list)] : result.filter((item) => list.includes(item))
  }
  return result
}
