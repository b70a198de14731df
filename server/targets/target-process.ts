import type { DebuggedProcess } from '../core/target.ts'
import type { ResolvedUser } from './user-database.ts'

/** A process of a target. */
export interface ListedProcess {
  pid: number
  parent: number
  /** As the kernel has it: at most 15 bytes. */
  name: string
  user: ResolvedUser
  /** Its number among the target's own processes, where that can be told. */
  innerPid?: number
}

/** Whose user decides, and what it is where that is not the target's first process. */
export interface LiveUser extends ResolvedUser {
  process?: DebuggedProcess & {
    /** Its init runs as somebody else, who may not look into it, nor it into the init. */
    ownUser: boolean
  }
}

// What starts an application and stays its parent. A server that keeps workers (nginx, postgres) is the application itself.
const inits =
  /^(init|tini(-static)?|docker-init|podman-init|dumb-init|catatonit|my_init|pid1|runit(-init)?|runsv|runsvdir|runsvchdir|svlogd|supervisord|supervisor|s6-.*|systemd|su|sudo|runuser|gosu|su-exec|setpriv)$/

/** Whether a process of this name only looks after others. */
export function isInit(name: string): boolean {
  return inits.test(name)
}

const deepest = 8

/**
 * The user of the process to debug: of a target's first process, or where that is an init, of the first that it has started which
 * is none. Undefined when the first one is not among them. Pure.
 */
export function userToDebug(processes: readonly ListedProcess[], first: number): LiveUser | undefined {
  const init = processes.find(({ pid }) => pid === first)
  if (init === undefined || !isInit(init.name)) return init?.user
  const children = Map.groupBy(processes, ({ parent }) => parent)
  const below = (parent: number, depth: number): ListedProcess[] =>
    (children.get(parent) ?? []).flatMap((each) =>
      isInit(each.name) ? (depth > 0 ? below(each.pid, depth - 1) : []) : [each],
    )
  const [application, ...others] = below(first, deepest)
  if (application === undefined) return init.user
  const { user, innerPid, name } = application
  const ownUser = user.uid !== init.user.uid || user.gid !== init.user.gid
  const named = { name: printable(name), init: printable(init.name), others: others.length }
  return { ...user, process: { ...named, ...(innerPid !== undefined && { pid: innerPid }), ownUser } }
}

/** A process names itself. */
function printable(name: string): string {
  return name.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, '?')
}
