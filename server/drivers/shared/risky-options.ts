/** What a container's options give it beyond what every container has. Pure; the same for Docker and Kubernetes. */
import { capabilityName, dockerDefaults } from './capabilities.ts'

/** Beyond the default, and nothing to others: they lock memory, order processes of the container, wake timers. */
const harmless: readonly string[] = ['BLOCK_SUSPEND', 'IPC_LOCK', 'LEASE', 'SYS_NICE', 'WAKE_ALARM']

/** Whether a container that adds these has power that the runtime's default does not give. */
export function addsPower(add: readonly string[]): boolean {
  return add.map(capabilityName).some((name) => !dockerDefaults.includes(name) && !harmless.includes(name))
}

/** SELinux types that confine nothing (container-selinux, container_selinux(8)). */
export function isUnconfinedType(type: string): boolean {
  return /^(spc_t|unconfined_t|container_runtime_t|super_privileged_t|init_t)$/.test(type)
}
