/** How rules and requests are called in refusals. */
import type { PolicyRequest } from '../core/policy.ts'
import type { CompiledRule } from './match-rule.ts'

export const wayOut = 'Ask whoever maintains the policy of this gateway if you need it.'

export function phrase({ action, target }: PolicyRequest): string {
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

export function verb(rules: readonly CompiledRule[], one: string, many: string): string {
  return rules.length === 1 ? one : many
}

export function quote(rules: readonly CompiledRule[]): string {
  const names = shorten(rules, ({ rule }) => `"${rule.name}"`)
  return rules.length === 1 ? `The rule ${names}` : `The rules ${names}`
}

/** The first five, and how many more there are. */
export function shorten<T>(items: readonly T[], write: (item: T) => string = String): string {
  const shown = items.slice(0, 5).map(write).join(', ')
  return items.length <= 5 ? shown : `${shown} and ${items.length - 5} more`
}
