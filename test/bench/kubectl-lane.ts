import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { kubectl } from '../support/cluster.ts'
import type { EphemeralTarget } from './cluster-attach-lane.ts'
import type { Lane, LaneTerminal } from './lane.ts'

/** A prompt of busybox' shell, and what it sends behind it: clear the rest, ask for the cursor. */
const prompt = /[#$] (\u001b\[\d*[Jn])*$/

/**
 * `kubectl debug -it` with the same image, profile and identity, in a pty, which util-linux' `script` provides. Timed to its
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
    async open(): Promise<LaneTerminal> {
      const started = performance.now()
      const child = spawn('script', ['-qefc', command.join(' '), '/dev/null'], {
        stdio: ['pipe', 'pipe', 'inherit'],
      })
      const first = Promise.withResolvers<number>()
      let said = ''
      let listener: ((bytes: Buffer) => void) | undefined
      child.stdout.on('data', (bytes: Buffer) => {
        if (listener === undefined) {
          said += bytes.toString('latin1')
          if (prompt.test(said)) first.resolve(performance.now())
        } else listener(bytes)
      })
      child.on('exit', (code) => first.reject(new Error(`kubectl debug ended with ${code}: ${said}`)))
      const promptMs = (await first.promise) - started
      return {
        promptMs,
        write: (bytes) => child.stdin.write(bytes),
        onData: (next) => (listener = next),
        async close() {
          const exited = once(child, 'exit')
          child.stdin.write('\u0003exit\n')
          await exited
        },
      }
    },
    close: () => Promise.resolve(),
  }
}
