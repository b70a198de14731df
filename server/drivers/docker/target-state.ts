import type { ContainerInspectInfo } from 'dockerode'
import { HatchwayError } from '../../core/errors.ts'

const startFirst = 'Start it, then open the target again.'
/** Podman's states that Docker does not have (libpod/define/containerstate.go). */
const podmanWords = {
  configured: `was created but never started. ${startFirst}`,
  initialized: `was prepared but never started. ${startFirst}`,
  stopping: 'is being stopped.',
  stopped: `was stopped. ${startFirst}`,
  improper: 'is in a state that its engine calls improper. Recreate it, then open the target again.',
  unknown: 'is in a state that its engine does not know. Look at the engine, then open the target again.',
} as const

/** Why a container can't be joined, and what to do. */
export function notRunning({ Name, State }: ContainerInspectInfo): HatchwayError {
  const name = Name.replace(/^\//, '')
  const memory = State.OOMKilled ? ' because it ran out of memory' : ''
  const words: Partial<Record<string, string>> = {
    created: 'was created but never started. Start it, then open the target again.',
    exited: `exited with code ${State.ExitCode}${memory}. Start it, then open the target again.`,
    dead: 'is dead: the engine could not remove it. Recreate it, then open the target again.',
    restarting: `keeps restarting: its last exit code was ${State.ExitCode}${memory}. A shell can join once it stays up.`,
    removing: 'is being removed.',
    ...podmanWords,
  }
  return new HatchwayError(
    'target_not_running',
    `The container ${name} ${words[State.Status] ?? `does not run: its engine calls it ${JSON.stringify(State.Status)}.`}`,
  )
}
