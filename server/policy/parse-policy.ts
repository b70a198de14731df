import { ConfigError } from '../core/config-error.ts'
import { policySchema } from './policy-schema.ts'
import { readYaml } from './read-yaml.ts'
import type { Rule } from './rule.ts'

/** Larger policy files are refused before they are parsed. */
export const maxPolicyBytes = 1024 * 1024

/**
 * Reads the YAML of a policy file into rules. `file` only names the source in messages.
 * Throws ConfigError with every problem and its line.
 */
export function parsePolicy(text: string, file = 'policy'): Rule[] {
  if (Buffer.byteLength(text) > maxPolicyBytes) {
    throw new ConfigError(file, [{ path: '', message: 'is larger than 1 MiB' }])
  }
  const { rules } = readYaml(file, text, policySchema)
  // zod types absent keys as `undefined`, and never sets them: the cast only says so.
  return rules.map(({ who, where, maxDuration, idleTimeout, ...rest }) => ({
    ...rest,
    who: { everyone: who.everyone === true, groups: who.groups ?? [], subjects: who.subjects ?? [] },
    where: where ?? {},
    ...(maxDuration !== undefined && { maxDurationMs: maxDuration }),
    ...(idleTimeout !== undefined && { idleTimeoutMs: idleTimeout }),
  })) as Rule[]
}
