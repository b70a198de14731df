import { HatchwayError } from '../../../core/errors.ts'
import type { Actor } from '../../../core/driver.ts'

/**
 * The headers by which the API server takes a request for this person's. `only` names the groups that are passed on, `*` standing
 * for any text: where RBAC lets the gateway impersonate certain groups, any other one would have the whole request refused.
 *
 * Only what signing in has established gets here, and still nothing is passed on that could be read as somebody else:
 * an empty name would make the request the gateway's own, Go trims spaces around a value, and what begins with `system:` is the
 * cluster's own (`system:masters` may do everything). Such a name is refused, such a group is left out: it only ever gives rights.
 * Throws `forbidden`.
 */
export function impersonationHeaders(
  { subject, groups }: Actor,
  only?: readonly string[],
): Record<string, string | string[]> {
  if (!isPassable(subject)) {
    throw new HatchwayError(
      'forbidden',
      'Your user name cannot be passed on to a cluster: it is empty, begins with system:, or has spaces or control characters in the wrong place. Ask whoever runs the sign-in for another one.',
    )
  }
  const patterns = only?.map(toPattern)
  const passed = [...new Set(groups)]
    .filter((group) => isPassable(group) && patterns?.some((pattern) => pattern.test(group)) !== false)
    .map(toHeaderBytes)
  return {
    'Impersonate-User': toHeaderBytes(subject),
    ...(passed.length > 0 && { 'Impersonate-Group': passed }),
  }
}

function isPassable(name: string): boolean {
  return name !== '' && name === name.trim() && !/\p{Cc}/u.test(name) && !name.startsWith('system:')
}

function toPattern(glob: string): RegExp {
  return new RegExp(
    `^${glob
      .split('*')
      .map((text) => RegExp.escape(text))
      .join('.*')}$`,
    'su',
  )
}

/** Node writes header values as latin1; Go takes them as UTF-8. */
function toHeaderBytes(name: string): string {
  return Buffer.from(name, 'utf8').toString('latin1')
}
