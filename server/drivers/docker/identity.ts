import { HatchwayError } from '../../core/errors.ts'
import type { Profile } from '../../core/vocabulary.ts'
import type { DebuggedProcess, Identity } from '../../core/identity.ts'
import {
  capabilityName,
  dockerDefaults,
  effectiveCapabilities,
  includesCapabilities,
  type CapabilityChange,
} from '../shared/capabilities.ts'
import type { LiveUser } from './target-process.ts'
import type { ResolvedUser } from '../shared/user-database.ts'

/** What decides as whom a debug container runs: read from the target, never guessed. */
export interface TargetFacts {
  /** Absent when it could not be found out; `unknownUser` says why. */
  user?: LiveUser
  unknownUser?: string
  /** Where `user` is that of a process that somebody chose: whose it would be otherwise. */
  foundUser?: ResolvedUser
  capabilities: CapabilityChange
  privileged: boolean
  /** It joined another container's processes, so that process 1 is not its own. */
  borrowedPid: boolean
  /** AppArmor keeps a confined process from looking at one that isn't (moby#39121). */
  unconfined: boolean
}

/** An identity and the create options that bring it about. */
export interface RunAs {
  identity: Identity
  user: string
  /** Where the target's files have to be looked for, where that is not its first process: an init of somebody else, or not chosen. */
  place?: { pid: number } | { uid: number; gid: number; name: string }
  privileged: boolean
  capabilities: CapabilityChange
  securityOptions: readonly string[]
}

interface Choice {
  user: ResolvedUser
  capabilities: CapabilityChange
  privileged?: boolean
  noNewPrivileges?: boolean
}

const root: ResolvedUser = { uid: 0, gid: 0, groups: [] }
/** The `nonroot` of distroless images. */
const nonroot: ResolvedUser = { uid: 65532, gid: 65532, groups: [] }
const nothing: CapabilityChange = { add: [], drop: ['ALL'] }
const dockerDefault: CapabilityChange = { add: [], drop: [] }

/**
 * As whom a debug container with this profile runs beside this target. Pure. Whether it may run there at all is for policy
 * to say, by the target's facts. Throws `profile_insufficient` for a chosen process whose root the profile would not give.
 */
export function chooseIdentity(facts: TargetFacts, profile: Profile): RunAs {
  const choice = choices[profile](facts, facts.user ?? nonroot)
  requireNoMoreRoot(facts, profile, choice)
  const effective = effectiveOf(choice)
  const identity: Identity = {
    uid: choice.user.uid,
    gid: choice.user.gid,
    groups: choice.user.groups,
    capabilities: effective,
    seesFiles: seesFiles(facts, choice, effective),
    ...(facts.user?.process !== undefined && { process: debugged(facts.user.process) }),
    explanation: '',
  }
  return {
    identity: { ...identity, explanation: explain(facts, profile, identity) },
    user: `${choice.user.uid}:${choice.user.gid}`,
    ...processPlace(facts.user),
    privileged: choice.privileged ?? false,
    capabilities: choice.capabilities,
    securityOptions: choice.noNewPrivileges ? ['no-new-privileges'] : [],
  }
}

/** Per profile, with the target's facts and its user. */
const choices: Record<Profile, (facts: TargetFacts, own: ResolvedUser) => Choice> = {
  auto: (facts, own) => {
    if (own.uid !== 0) return { user: own, capabilities: nothing, noNewPrivileges: true }
    if (facts.privileged) return { user: root, capabilities: dockerDefault, noNewPrivileges: true }
    return { user: own, capabilities: sameAs(facts.capabilities), noNewPrivileges: true }
  },
  general: () => ({ user: root, capabilities: { add: ['SYS_PTRACE'], drop: [] } }),
  baseline: (_facts, own) => ({ user: own, capabilities: dockerDefault }),
  restricted: (_facts, own) => ({
    user: own.uid === 0 ? nonroot : own,
    capabilities: nothing,
    noNewPrivileges: true,
  }),
  netadmin: () => ({ user: root, capabilities: { add: ['NET_ADMIN', 'NET_RAW'], drop: [] } }),
  sysadmin: () => ({ user: root, capabilities: dockerDefault, privileged: true }),
}

/**
 * Whoever may open a target with a profile has, by that, the user that is found there. Choosing another of its processes is a choice
 * between its users, and no way to its root: that takes a profile that is root anyway, which policy names.
 */
function requireNoMoreRoot(facts: TargetFacts, profile: Profile, choice: Choice): void {
  const { user, foundUser = nonroot } = facts
  if (user?.process?.chosen !== true || choice.user.uid !== 0) return
  if (choices[profile](facts, foundUser).user.uid === 0) return
  const { name, pid } = user.process
  const which = pid === undefined ? name : `${name} (process ${pid})`
  throw new HatchwayError(
    'profile_insufficient',
    `The target's ${which} runs as root, and the profile ${profile} gives the user ${foundUser.uid}:${foundUser.gid} there: choosing a process makes nobody root. The profile general looks into all of them, where policy allows it.`,
    { profiles: ['general'] },
  )
}

/** Exactly the target's own. ALL is copied as it was written, because only the engine knows what it stands for. */
function sameAs(target: CapabilityChange): CapabilityChange {
  if (target.add.map(capabilityName).includes('ALL')) return target
  return { add: effectiveCapabilities(target), drop: ['ALL'] }
}

function effectiveOf(choice: Choice): string[] {
  if (choice.privileged) return ['ALL']
  return choice.user.uid === 0 ? effectiveCapabilities(choice.capabilities) : []
}

/**
 * The kernel's rule for /proc/<pid>/root (ptrace(2), PTRACE_MODE_READ_FSCREDS): uid and gid equal and capabilities
 * a superset, or SYS_PTRACE. A process that isn't root has no capabilities, whatever its container was given.
 */
function seesFiles(facts: TargetFacts, choice: Choice, effective: readonly string[]): boolean {
  if (choice.privileged) return !facts.borrowedPid
  if (facts.unconfined || facts.borrowedPid || facts.user === undefined) return false
  // A privileged root process has whatever the kernel knows: nothing short of privileged is a superset for sure.
  const theirs =
    facts.user.uid !== 0 ? [] : facts.privileged ? ['ALL'] : effectiveCapabilities(facts.capabilities)
  if (effective.includes('SYS_PTRACE') && choice.user.uid === 0) return true
  const sameIds = choice.user.uid === facts.user.uid && choice.user.gid === facts.user.gid
  return sameIds && includesCapabilities(effective, theirs)
}

function explain(facts: TargetFacts, profile: Profile, identity: Identity): string {
  const ids = `${identity.uid}:${identity.gid}`
  const like =
    facts.user?.uid === identity.uid && facts.user.gid === identity.gid
      ? `${ids} like ${wordsOf(identity.process)}`
      : ids
  const who = `Runs as ${like}, ${capabilityWords(identity.capabilities)}`
  if (identity.seesFiles) return `${who}: sees its processes, network and files.`
  return `${who}: sees its processes and network, but not its files. ${whyUnseen(facts, profile, identity)}`
}

function wordsOf(process: DebuggedProcess | undefined): string {
  if (process === undefined) return 'the target'
  const { name, pid, init, others, chosen } = process
  const which = pid === undefined ? name : `${name}, process ${pid}`
  if (chosen === true || init === undefined) return `the target's ${which}, which was chosen`
  const more = others === 0 ? '' : others === 1 ? ', as does 1 other' : `, as do ${others} others`
  return `the target's ${which} (which runs below the init ${init}${more})`
}

function debugged({ ownUser: _ownUser, ...process }: LiveUser['process'] & {}): DebuggedProcess {
  return process
}

function processPlace(user: LiveUser | undefined): Pick<RunAs, 'place'> {
  const process = user?.process
  if (user === undefined || process === undefined || !(process.ownUser || process.chosen === true)) return {}
  const { pid, name } = process
  return { place: pid === undefined ? { uid: user.uid, gid: user.gid, name } : { pid } }
}

function capabilityWords(names: readonly string[]): string {
  if (names.length === 0) return 'without capabilities'
  if (names.includes('ALL')) return 'with all capabilities'
  const extra = names.filter((name) => !dockerDefaults.includes(name))
  const missing = dockerDefaults.filter((name) => !names.includes(name))
  if (missing.length === 0) {
    return extra.length === 0
      ? "with Docker's default capabilities"
      : `with Docker's default capabilities and ${extra.join(', ')}`
  }
  return `with the capabilities ${names.join(', ')}`
}

function whyUnseen(facts: TargetFacts, profile: Profile, identity: Identity): string {
  if (facts.borrowedPid) {
    return "The target shares another container's processes: look for its own with ps, and for its files below /proc/<process>/root."
  }
  if (facts.user === undefined)
    return `${facts.unknownUser ?? 'Its user is not known.'} The profile general would see them.`
  if (facts.privileged && facts.user.uid === 0)
    return 'The target is privileged: seeing them takes the profile sysadmin.'
  if (facts.unconfined)
    return 'The target runs without AppArmor and this shell with it: seeing them takes the profile sysadmin.'
  const other = profile === 'auto' ? 'general' : 'auto'
  if (identity.uid === facts.user.uid && identity.gid === facts.user.gid) {
    return `The target holds more capabilities: the profile ${other} would see them.`
  }
  return `The target runs as ${facts.user.uid}:${facts.user.gid}: the profile ${other} would see them.`
}
