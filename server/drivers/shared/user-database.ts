export interface ResolvedUser {
  uid: number
  gid: number
  groups: readonly number[]
}

/**
 * The ids behind a container's `User`, by the container's own /etc/passwd and /etc/group, as Docker does it:
 * the group of a user without an entry is 0 (moby/sys/user GetExecUser). Undefined when a name is in neither file.
 */
export function resolveUser(user: string, passwd: string, group: string): ResolvedUser | undefined {
  const [name = '', groupName] = user.split(':')
  const users = rows(passwd)
  const groups = rows(group)
  const numeric = numericId(name === '' ? '0' : name)
  const entry = users.find(
    (row) => row[0] === name || (numeric !== undefined && numericId(row[2]) === numeric),
  )
  const uid = numeric ?? numericId(entry?.[2])
  if (uid === undefined) return undefined
  if (groupName !== undefined && groupName !== '') {
    const gid = resolveGroup(groupName, groups)
    return gid === undefined ? undefined : { uid, gid, groups: [] }
  }
  const gid = numericId(entry?.[3]) ?? 0
  const login = entry?.[0]
  const memberOf = groups.filter((row) => login !== undefined && (row[3] ?? '').split(',').includes(login))
  return { uid, gid, groups: memberOf.flatMap((row) => numericId(row[2]) ?? []) }
}

/** The ids of `GroupAdd` entries; names that the file doesn't know are left out. */
export function resolveGroups(names: readonly string[], group: string): number[] {
  const groups = rows(group)
  return names.flatMap((name) => resolveGroup(name, groups) ?? [])
}

/** True when the ids can't be had without the container's own files. */
export function needsFiles(user: string, groupAdd: readonly string[]): boolean {
  return [...user.split(':').filter((part) => part !== ''), ...groupAdd].some(
    (part) => numericId(part) === undefined,
  )
}

function resolveGroup(name: string, groups: readonly string[][]): number | undefined {
  return numericId(name) ?? numericId(groups.find((row) => row[0] === name)?.[2])
}

function rows(text: string): string[][] {
  return text.split('\n').map((line) => line.trim().split(':'))
}

function numericId(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : undefined
}
