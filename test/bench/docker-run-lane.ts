import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Sidecar } from './engine-lane.ts'
import type { Lane, LaneTerminal } from './lane.ts'

/** The sidecar as a person starts it on the command line. */
export function dockerRunCommand({ socketPath, targetId, image, user }: Sidecar): string[] {
  return [
    'docker', '-H', `unix://${socketPath}`, 'run', '--rm', '-it', '--log-driver', 'none',
    '--pid', `container:${targetId}`, '--network', `container:${targetId}`, '--user', user,
    '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges', image, 'sh',
  ] // prettier-ignore
}

/** `docker run -it` in a pty, which util-linux' `script` provides. */
export function dockerRunLane(sidecar: Sidecar): Lane {
  const command = dockerRunCommand(sidecar).join(' ')
  return {
    name: 'docker run -it',
    async open(): Promise<LaneTerminal> {
      const started = performance.now()
      const child = spawn('script', ['-qefc', command, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] })
      const first = Promise.withResolvers<number>()
      let listener: ((bytes: Buffer) => void) | undefined
      child.stdout.on('data', (bytes: Buffer) => {
        first.resolve(performance.now())
        listener?.(bytes)
      })
      child.on('exit', (code) => first.reject(new Error(`docker run ended with ${code} before its prompt`)))
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
