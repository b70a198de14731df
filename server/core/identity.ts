import type { SessionScope } from './vocabulary.ts'

/** What is debugged where that is not a target's first process: below an init, which only looks after others, or chosen. */
export interface DebuggedProcess {
  name: string
  /** `uid:gid`. Absent in rows from before it was kept. */
  user?: string
  /** Among the target's own processes, where that can be told. */
  pid?: number
  /** The name of the first process, where that is an init. */
  init?: string
  /** How many more the init looks after; of a chosen one, how many more there are. */
  others: number
  /** Somebody asked for it. */
  chosen?: boolean
}

/** A process of a target that can be asked for. */
export interface TargetProcess {
  /** By which it is asked for. */
  process: string
  /** Printable, and not long. */
  name: string
  /** Among the target's own processes, where that can be told. */
  pid?: number
  /** `uid:gid`. */
  user: string
  /** It is the one that is debugged unless another is asked for. */
  found: boolean
}

/** The first of them, and how many there are. */
export interface TargetProcesses {
  items: readonly TargetProcess[]
  total: number
}

/** A process that is asked for in place of the one that is found. */
export interface ProcessWish {
  /** Its number as the container sees it, or the name of its program. */
  asked: string
  /** What approvers were shown: whatever has that number now, no other will do. */
  approved?: { name: string; user: string }
}

/** As whom, and with which capabilities, the debug container runs, and why. */
export interface Identity {
  uid: number
  gid: number
  groups: readonly number[]
  /** Linux names without `CAP_`, sorted; `ALL` alone for a privileged container. */
  capabilities: readonly string[]
  /** True when the target's files will be readable. */
  seesFiles: boolean
  /** Whose user decided. Absent: the target's first process. */
  process?: DebuggedProcess
  /** Plain words for the user: what was chosen, and what will not work. */
  explanation: string
}

/** What of a wish decides as whom a debug container runs and what it sees. */
export interface IdentityWish {
  /** `container` without one. */
  scope?: SessionScope
  /** As `asked` of {@link ProcessWish}. */
  process?: string
}
