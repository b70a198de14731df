import type { DebugSpec } from '../../core/debug-container.ts'
import type { Opened, StartProgress, TargetAccess } from '../../core/driver.ts'
import type { SessionDetail } from '../../core/session.ts'
import type { CommandStream, TerminalStream } from '../../core/streams.ts'
import type { Target } from '../../core/target.ts'
import type { SessionKindName } from '../../core/vocabulary.ts'
import type { Session } from '../../protocol/session-api.ts'
import type { CollectedOutput } from './collected-output.ts'

/** What sets one kind of session apart. All else, from the decision to the sealed recording, is the same for every one. */
export interface SessionKind {
  readonly name: SessionKindName
  /** What runs in it, in the words of an end: `the command was ended`. */
  readonly noun: string
  /** The right that starts it, and by which it goes on. */
  readonly action: 'open' | 'run'
  /** People type into it: somebody may control it, and it ends when nobody has typed, or looked, for a while. */
  readonly interactive: boolean
  /** Its stream can be attached again: after a lost connection, and by the next gateway. Another ends with its stream. */
  readonly reattaches: boolean
  /** What it runs works by itself, so that nothing of it may begin before it is recorded. */
  readonly recordedFirst: boolean
  open(
    access: TargetAccess,
    spec: DebugSpec,
    target: Target,
    onProgress: (progress: StartProgress) => void,
    signal: AbortSignal,
    mayBegin?: Promise<unknown>,
  ): Promise<Opened<TerminalStream | CommandStream>>
  /** Keeps output for a caller who waits for the end. */
  collect?(): CollectedOutput
  /** What its detail asks of the debug container. */
  spec(detail: SessionDetail): Partial<DebugSpec>
  /** What its detail says in the audit log. */
  facts(detail: SessionDetail): Record<string, string>
  /** What the API shows of sessions of this kind alone. */
  describe(detail: SessionDetail): Partial<Session>
}
