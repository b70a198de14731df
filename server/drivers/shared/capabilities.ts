/** What Docker gives a container that asks for nothing (moby oci/caps/defaults.go, unchanged from 1.10 to 28). */
export const dockerDefaults: readonly string[] = [
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'MKNOD',
  'NET_BIND_SERVICE',
  'NET_RAW',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
]

/** All that Linux has (capability.h up to 5.9, nothing added since): what `ALL` stands for where it is only shown or compared. */
const all: readonly string[] = [
  ...dockerDefaults,
  'AUDIT_CONTROL',
  'AUDIT_READ',
  'BLOCK_SUSPEND',
  'BPF',
  'CHECKPOINT_RESTORE',
  'DAC_READ_SEARCH',
  'IPC_LOCK',
  'IPC_OWNER',
  'LEASE',
  'LINUX_IMMUTABLE',
  'MAC_ADMIN',
  'MAC_OVERRIDE',
  'NET_ADMIN',
  'NET_BROADCAST',
  'PERFMON',
  'SYSLOG',
  'SYS_ADMIN',
  'SYS_BOOT',
  'SYS_MODULE',
  'SYS_NICE',
  'SYS_PACCT',
  'SYS_PTRACE',
  'SYS_RAWIO',
  'SYS_RESOURCE',
  'SYS_TIME',
  'SYS_TTY_CONFIG',
  'WAKE_ALARM',
]

/** What a container's configuration adds to and takes from the default. */
export interface CapabilityChange {
  add: readonly string[]
  drop: readonly string[]
}

/** `CAP_Net_Raw` → `NET_RAW`: Docker takes both forms, in any case. */
export function capabilityName(text: string): string {
  return text.toUpperCase().replace(/^CAP_/, '')
}

/** The capabilities of a root process, sorted, in Docker's own order of rules (moby oci/caps/utils.go). */
export function effectiveCapabilities({ add, drop }: CapabilityChange): string[] {
  const added = add.map(capabilityName)
  const dropped = new Set(drop.map(capabilityName))
  if (added.includes('ALL')) return all.filter((name) => !dropped.has(name)).toSorted()
  const base = dropped.has('ALL') ? [] : dockerDefaults.filter((name) => !dropped.has(name))
  return [...new Set([...base, ...added])].toSorted()
}

/** True when `mine` holds everything of `theirs`, so that the kernel lets mine look at theirs. */
export function includesCapabilities(mine: readonly string[], theirs: readonly string[]): boolean {
  return theirs.every((name) => mine.includes(name))
}
