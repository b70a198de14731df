/** The protocol's names in plain words. */
import type { Session, SessionEnd } from '../../server/protocol/session-api.ts'

type Profile = Session['profile']

const endWords: Record<SessionEnd['reason'], string> = {
  exit: 'Shell exited',
  'target-exited': 'The target stopped',
  terminated: 'Terminated',
  idle: 'Idle for too long',
  expired: 'Time limit reached',
  denied: 'Denied',
  failed: 'Could not start',
  'recording-failed': 'Recording failed',
  lost: 'Lost: the debug container went away',
  shutdown: 'Gateway shut down',
}

/** Where one reason has several causes, each has words of its own: two ends never bear one title. */
const causeWords: Readonly<Record<string, string>> = {
  nobody_connected: 'Nobody was connected for too long',
  policy_changed: 'Policy no longer allows it',
  withdrawn: 'Withdrawn',
  caller_gone: 'The caller went away',
  approval_denied: 'Request denied',
  approval_expired: 'Request expired',
  gateway_restarted: 'The gateway restarted meanwhile',
  environment_removed: 'Its environment is no longer configured',
}

/** `Shell exited (code 130)`, `Terminated by Ada`. */
export function endInWords(end: SessionEnd, { run }: Pick<Session, 'run'> = {}): string {
  if (end.code === 'out_of_memory') return `Ran out of memory (code ${end.exitCode ?? 137})`
  const usual = run === true && end.reason === 'exit' ? 'Command exited' : endWords[end.reason]
  const words = causeWords[end.code] ?? usual
  if (end.reason === 'exit' && end.exitCode !== undefined && end.exitCode !== 0) {
    return `${words} (code ${end.exitCode})`
  }
  return end.by === undefined ? words : `${words} by ${end.by.name}`
}

/** Whether the end is nothing that anyone has to look into. */
export function isCalmEnd(end: SessionEnd): boolean {
  return (
    end.reason === 'exit' || end.reason === 'terminated' || end.reason === 'idle' || end.reason === 'expired'
  )
}

export const stateWords: Record<Session['state'], string> = {
  'pending-approval': 'Waiting for approval',
  starting: 'Starting',
  running: 'Running',
  ended: 'Ended',
}

export const phaseWords: Record<NonNullable<Session['phase']>, string> = {
  resolving: 'Finding the container',
  pulling: 'Getting the toolbox image',
  creating: 'Creating the debug container',
  attaching: 'Attaching the terminal',
}

export const profileWords: Record<Profile, string> = {
  auto: 'The least that can see the target’s processes and files.',
  general: 'Ordinary container rights, plus ptrace for strace and gdb.',
  baseline: 'Ordinary container rights, nothing added.',
  restricted: 'No capabilities, never root.',
  netadmin: 'Network administration: tcpdump, iptables, ip.',
  sysadmin: 'Privileged: root with every capability on the host.',
}

/** Whether the gateway's explanation of a refusal ends with the way out that it gives where no rule comes near. */
export function saysWhomToAsk(explanation: string): boolean {
  return explanation.includes('Ask whoever maintains the policy')
}

const auditWords: Record<string, string> = {
  'signed-in': 'Signed in',
  'signed-out': 'Signed out',
  'sign-in-failed': 'Sign-in failed',
  denied: 'Denied',
  opened: 'Session opened',
  started: 'Session started',
  viewed: 'Session viewed',
  controlled: 'Took control',
  terminated: 'Session terminated',
  ended: 'Session ended',
  adopted: 'Session adopted',
  reaped: 'Debug container removed',
  'recording-degraded': 'Recording degraded',
  played: 'Recording played',
  exported: 'Recording exported',
  'audit-read': 'Audit log read',
  'policy-loaded': 'Policy loaded',
  'policy-simulated': 'Policy simulated',
  'policy-explained': 'Policy explained',
  verified: 'Recording verified',
  'sample-started': 'Sample started',
  'approval-requested': 'Approval requested',
  approved: 'Request approved',
  'approval-denied': 'Request denied',
  withdrawn: 'Request withdrawn',
  'break-glass': 'Glass broken',
  reviewed: 'Break-glass reviewed',
}

/** An unknown kind of a newer server shows as it is. */
export function auditInWords(kind: string): string {
  return auditWords[kind] ?? kind
}

/** `uid=0`, one for each that says anything. */
export function factsInWords(detail: Readonly<Record<string, unknown>> = {}): string[] {
  return Object.entries(detail)
    .map(([name, value]) => [name, String(value)] as const)
    .filter(([, value]) => value.trim() !== '')
    .map(([name, value]) => `${name}=${value}`)
}

export const auditKinds = Object.keys(auditWords)
