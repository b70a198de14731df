import { HatchwayError } from '../../core/errors.ts'
import type { DebugSpec } from '../../core/debug-container.ts'
import { dockerStatus, dockerWords } from './errors.ts'
import type { ReadyToolbox } from './toolbox.ts'

/** An engine's refusal to create or start, in words that say what to do. */
export function explainStartFailure(cause: unknown, spec: DebugSpec, toolbox?: ReadyToolbox): HatchwayError {
  if (!(cause instanceof HatchwayError))
    return new HatchwayError('start_failed', dockerWords(cause), { cause })
  const status = dockerStatus(cause)
  if (status === undefined) return cause
  const words = dockerWords(cause)
  const { image, name } = spec.toolbox
  if (
    /is not running|non running container|cannot join/i.test(words) &&
    !/network of container/.test(words)
  ) {
    return new HatchwayError(
      'target_not_running',
      'The target stopped or is restarting, so nothing can join it. Try again once it runs.',
      { cause },
    )
  }
  if (/No such container/i.test(words)) {
    return new HatchwayError(
      'start_failed',
      `The target uses the network or the processes of another container that is gone: recreate the target, then try again. The engine said: ${words}`,
      { cause },
    )
  }
  if (/unable to apply caps/i.test(words)) {
    const advice =
      'The engine itself lacks capabilities that this profile gives, as in a nested container: choose another profile.'
    return new HatchwayError('start_failed', `The host cannot give the profile ${spec.profile}. ${advice}`, {
      cause,
    })
  }
  if (/exec format error/i.test(words)) {
    const platform = toolbox === undefined ? '' : ` (${toolbox.architecture})`
    return new HatchwayError(
      'start_failed',
      `The toolbox ${name} is built for another processor${platform}: ${image} needs a variant for this host.`,
      { cause },
    )
  }
  if (/\/bin\/sh/.test(words)) {
    return new HatchwayError(
      'start_failed',
      `The toolbox ${name} (${image}) has no /bin/sh, which starts every session. Use an image that has one.`,
      { cause },
    )
  }
  if (status === 409 && /already in use/.test(words)) {
    return new HatchwayError(
      'start_failed',
      `A debug container of session ${spec.sessionId} exists already.`,
      { cause },
    )
  }
  return new HatchwayError('start_failed', `The debug container could not be started: ${words}`, { cause })
}
