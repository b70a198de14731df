import { HatchwayError } from '../../core/errors.ts'
import type { DebuggedProcess, ProcessWish, TargetProcesses } from '../../core/identity.ts'
import type { ResolvedUser } from '../shared/user-database.ts'

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
  if (init === undefined) return undefined
  const [application, ...others] = applicationsBelow(processes, init)
  if (application === undefined) return init.user
  return { ...application.user, process: { ...named(application, init), others: others.length } }
}

/**
 * The user of the process that somebody asked for: of several with that name, of the first. Throws `process_not_found`, with what
 * there is. Pure.
 */
export function chooseProcess(
  processes: readonly ListedProcess[],
  first: number,
  { asked, approved }: ProcessWish,
): LiveUser {
  const meant = processes.filter((each) => isMeant(each, asked))
  const chosen = meant.find((each) => approved === undefined || isSame(each, approved))
  if (chosen === undefined)
    throw new HatchwayError('process_not_found', whyNot(processes, meant, asked, approved))
  const init = processes.find(({ pid }) => pid === first) ?? chosen
  const others = processes.filter(({ name }) => !isInit(name)).length - (isInit(chosen.name) ? 0 : 1)
  return { ...chosen.user, process: { ...named(chosen, init), others, chosen: true } }
}

const mostOffered = 50

/** Those that are worth looking at, the one that is debugged unless somebody chooses first. Not all of very many. Pure. */
export function offeredProcesses(processes: readonly ListedProcess[], first: number): TargetProcesses {
  const init = processes.find(({ pid }) => pid === first)
  const found = init && (applicationsBelow(processes, init)[0] ?? init)
  const own = processes.filter((each) => !isInit(each.name) && each !== found)
  const all = found === undefined ? own : [found, ...own]
  // Without numbers only the first of a name can be asked for.
  const words = new Set<string>()
  const askable = all.filter((each) => words.size < words.add(wordFor(each)).size)
  const items = askable.slice(0, mostOffered).map((each) => ({
    process: wordFor(each),
    name: printable(each.name),
    ...(each.innerPid !== undefined && { pid: each.innerPid }),
    user: idsOf(each),
    found: each === found,
  }))
  return { items, total: askable.length }
}

/** What an init looks after, in the order in which it was started; nothing below what is none. */
function applicationsBelow(processes: readonly ListedProcess[], init: ListedProcess): ListedProcess[] {
  if (!isInit(init.name)) return []
  const children = Map.groupBy(processes, ({ parent }) => parent)
  // Each once: an engine's list may say anything, also that a process is its own parent.
  const seen = new Set([init.pid])
  const below = (parent: number, depth: number): ListedProcess[] =>
    (children.get(parent) ?? []).flatMap((each) => {
      if (seen.has(each.pid)) return []
      seen.add(each.pid)
      if (!isInit(each.name)) return [each]
      return depth > 0 ? below(each.pid, depth - 1) : []
    })
  return below(init.pid, deepest)
}

function named(process: ListedProcess, first: ListedProcess): Omit<LiveUser['process'] & {}, 'others'> {
  const { user, innerPid, name } = process
  return {
    name: printable(name),
    user: idsOf(process),
    ...(innerPid !== undefined && { pid: innerPid }),
    ...(isInit(first.name) && first !== process && { init: printable(first.name) }),
    ownUser: user.uid !== first.user.uid || user.gid !== first.user.gid,
  }
}

/** Bytes that the kernel keeps of a name (TASK_COMM_LEN, proc(5)). */
const keptBytes = 15

function isMeant({ innerPid, name }: ListedProcess, asked: string): boolean {
  if (isNumber(asked)) return innerPid === Number(asked)
  const kept = Buffer.from(asked).subarray(0, keptBytes).toString()
  return (
    name === asked || printable(name) === asked || (name === kept && Buffer.byteLength(name) === keptBytes)
  )
}

function isNumber(asked: string): boolean {
  return /^\d{1,10}$/.test(asked)
}

function isSame(process: ListedProcess, approved: ProcessWish['approved'] & {}): boolean {
  return printable(process.name) === approved.name && idsOf(process) === approved.user
}

const mostListed = 10

function whyNot(
  processes: readonly ListedProcess[],
  [other]: readonly ListedProcess[],
  asked: string,
  approved: ProcessWish['approved'],
): string {
  const which = isNumber(asked) ? `process ${asked}` : `process named ${JSON.stringify(printable(asked))}`
  if (other !== undefined && approved !== undefined)
    return `The target's ${which} is ${inBrackets(printable(other.name), idsOf(other))} now, and ${inBrackets(approved.name, approved.user)} was approved. Ask again for what is there.`
  if (processes.length === 0)
    return `The target's processes can't be told from here, so none can be chosen. Leave out the process.`
  if (isNumber(asked) && processes.every(({ innerPid }) => innerPid === undefined))
    return `The numbers that processes have in the target can't be told from here: name the program in place of ${asked}.`
  const listed = processes
    .slice(0, mostListed)
    .map(({ innerPid, name }) => `${innerPid ?? ''} ${printable(name)}`)
  const more = processes.length > mostListed ? ` and ${processes.length - mostListed} more` : ''
  return `The target has no ${which}. It has: ${listed.map((each) => each.trim()).join(', ')}${more}.`
}

function inBrackets(name: string, user: string): string {
  return `${name} (${user})`
}

function wordFor({ innerPid, name }: ListedProcess): string {
  return innerPid === undefined ? printable(name) : String(innerPid)
}

function idsOf({ user }: ListedProcess): string {
  return `${user.uid}:${user.gid}`
}

const longestName = 64

/** A process names itself, and an engine may say anything. */
function printable(name: string): string {
  return name.slice(0, longestName).replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, '?')
}
