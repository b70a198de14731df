import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { kubectl } from '../support/cluster.ts'
import type { EphemeralTarget } from './cluster-attach-lane.ts'
import type { Lane } from './lane.ts'
import { openInPty } from './pty-terminal.ts'

/** A prompt of busybox' shell, and what it sends behind it: clear the rest, ask for the cursor. */
export const shellPrompt = /[#$] (\u001b\[\d*[Jn])*$/

/**
 * `kubectl debug -it` with the same image, profile and identity, in a pty. Timed to its
 * prompt: kubectl prints some lines of its own before.
 */
export async function kubectlDebugLane(target: EphemeralTarget, directory: string): Promise<Lane> {
  const custom = join(directory, 'container.json')
  await writeFile(
    custom,
    JSON.stringify({ securityContext: { runAsUser: target.uid, runAsGroup: target.gid } }),
  )
  const command = [
    await kubectl(), '--kubeconfig', target.kubeconfig, '--namespace', target.namespace,
    'debug', '-it', target.pod, '--target', target.container, '--image', target.image,
    '--image-pull-policy', 'IfNotPresent', '--profile', 'restricted', '--custom', custom, '--', 'sh',
  ] // prettier-ignore
  return {
    name: 'kubectl debug -it',
    open: () => openInPty(command.join(' '), (shown) => shellPrompt.test(shown)),
    close: () => Promise.resolve(),
  }
}
