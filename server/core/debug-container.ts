import type { ProcessWish } from './identity.ts'
import type { TerminalSize } from './streams.ts'
import type { TargetFact } from './vocabulary.ts'
import type { Profile } from './vocabulary.ts'

/** A named, allow-listed image with the tools. */
export interface Toolbox {
  name: string
  image: string
  /** The interactive shell, as argv. `/bin/sh` must exist too: it starts the shell and holds its deadline. */
  shell: readonly string[]
  /** Sent to the registry when the image has to be pulled. */
  registryAuth?: { username: string; password: string }
}

/** Everything a driver needs to start one debug container. Policy has already narrowed it. */
export interface DebugSpec {
  sessionId: string
  /** Whose sessions these are: a reaper touches only its own installation's containers. */
  installation: string
  /** The principal's subject, for the container's labels. */
  user: string
  toolbox: Toolbox
  profile: Profile
  size: TerminalSize
  /** The debug container kills itself this long after its start, gateway or not. */
  maxDurationMs: number
  /**
   * The target's facts that policy has judged. A target that turns out to have others that give power is refused with
   * `profile_insufficient`. Absent: none were.
   */
  facts?: readonly TargetFact[]
  /** Run in place of the toolbox's shell, as argv. */
  command?: readonly string[]
  /**
   * The directory to begin in, absolute as the debug container sees it; `$TARGET` at its beginning is the target's root.
   * Absent: a home that can be written to.
   */
  cwd?: string
  /**
   * Open in a debug copy of the target's pod, whose containers do not run their own commands: for one that crashes or has
   * finished. The copy goes away with the session. Docker knows no copies and throws `invalid_request`.
   */
  copy?: boolean
  /** Join no container, only the pod's network: for one whose containers do not run. Docker throws `invalid_request`. */
  networkOnly?: boolean
  /** The process to debug. A cluster shows nobody the processes of a pod, and throws `invalid_request`. */
  process?: ProcessWish
}

/** Enough to find the debug container again after a restart. Stored as JSON. */
export interface DebugContainer {
  environment: string
  /** The full container id; `<namespace>/<pod>/<container>` in a cluster. */
  id: string
  sessionId: string
  /** The id of the target that it shares namespaces with; in a cluster `<pod uid>/<container>`, which is empty for the network alone. */
  targetId: string
}
