import type { Sidecar } from './engine-lane.ts'
import type { Lane } from './lane.ts'
import { openInPty } from './pty-terminal.ts'

/** The sidecar as a person starts it on the command line. */
export function dockerRunCommand({ socketPath, targetId, image, user }: Sidecar): string[] {
  return [
    'docker', '-H', `unix://${socketPath}`, 'run', '--rm', '-it', '--log-driver', 'none',
    '--pid', `container:${targetId}`, '--network', `container:${targetId}`, '--user', user,
    '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges', image, 'sh',
  ] // prettier-ignore
}

/** `docker run -it` in a pty. */
export function dockerRunLane(sidecar: Sidecar): Lane {
  const command = dockerRunCommand(sidecar).join(' ')
  return {
    name: 'docker run -it',
    open: () => openInPty(command, () => true),
    close: () => Promise.resolve(),
  }
}
