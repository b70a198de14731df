// In the kernel's order, include/uapi/linux/capability.h: the bit's number is the index.
const names =
  'CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE ' +
  'NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN ' +
  'SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE ' +
  'MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE'

/** The sorted names, without `CAP_`, of a mask as /proc/<pid>/status writes it. */
export function capabilityNames(hexMask: string): string[] {
  const mask = BigInt(`0x${hexMask}`)
  return names
    .split(' ')
    .filter((_name, bit) => (mask >> BigInt(bit)) & 1n)
    .toSorted()
}
