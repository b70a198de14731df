/** A question to policy, as the address holds it. Pure. */
import type { Me } from '../../../server/protocol/sign-in-api.ts'

export const policyActions = [
  ['open', 'open a session'],
  ['run', 'run a command'],
  ['list', 'see it'],
  ['watch', 'watch the sessions of others'],
  ['terminate', 'end the sessions of others'],
  ['read-recording', 'replay recordings'],
  ['approve', 'approve sessions'],
  ['read-audit', 'read the audit log'],
] as const

/** Every part as it is typed; empty where nothing is said. */
export interface PolicyQuestion {
  /** Empty: the reader. */
  user: string
  /** Separated by commas. */
  groups: string
  action: string
  target: string
  toolbox: string
  profile: string
  reason: string
  ticket: string
  /** A local date and time, as a field for these has it. Empty: now. */
  at: string
}

const keys = ['user', 'groups', 'action', 'target', 'toolbox', 'profile', 'reason', 'ticket', 'at'] as const

/** From the address; whatever the link says, an unknown action is `open`. */
export function readQuestion(parameters: URLSearchParams): PolicyQuestion {
  const read = (key: string): string => (parameters.get(key) ?? '').trim()
  const action = read('action')
  return {
    user: read('user'),
    groups: read('groups'),
    action: policyActions.some(([name]) => name === action) ? action : 'open',
    target: read('target'),
    toolbox: read('toolbox'),
    profile: read('profile'),
    reason: read('reason'),
    ticket: read('ticket'),
    at: localTime(read('at')),
  }
}

/** What the address says of a question: moments in UTC, so that a link means the same everywhere. */
export function writeQuestion(question: PolicyQuestion): Record<(typeof keys)[number], string> {
  const trimmed = Object.fromEntries(keys.map((key) => [key, question[key].trim()])) as Record<
    (typeof keys)[number],
    string
  >
  return { ...trimmed, at: utcTime(question.at) }
}

/** Whether there is anything to ask: reading the audit log alone has no target. */
export function isQuestion({ target, action }: PolicyQuestion): boolean {
  return target.trim() !== '' || action === 'read-audit'
}

/** Whether it is about the reader with the groups of their own sign-in. */
export function isOwn({ user, groups }: PolicyQuestion): boolean {
  return user.trim() === '' && groups.trim() === ''
}

/** Whom the question is about. */
export function whoOf({ user, groups }: PolicyQuestion, me: Pick<Me, 'subject' | 'groups'>) {
  if (user.trim() === '' && groups.trim() === '') return { subject: me.subject, groups: me.groups }
  return { subject: user.trim() || me.subject, groups: listOf(groups) }
}

/** The query of `GET /policy/explain`. */
export function explainQueryOf(question: PolicyQuestion, me: Pick<Me, 'subject' | 'groups'>) {
  const { subject, groups } = whoOf(question, me)
  const asked = aboutTarget(question)
  return isOwn(question) ? asked : { ...asked, user: subject, groups: groups.join(',') }
}

/** The body of `POST /policy/simulate`. */
export function simulationOf(question: PolicyQuestion, me: Pick<Me, 'subject' | 'groups'>, policy: string) {
  const { subject, groups } = whoOf(question, me)
  return { ...aboutTarget(question), user: subject, groups, policy }
}

function aboutTarget(question: PolicyQuestion): Record<string, string> {
  const { user: _user, groups: _groups, ...asked } = writeQuestion(question)
  return Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== ''))
}

function listOf(groups: string): string[] {
  return groups
    .split(',')
    .map((group) => group.trim())
    .filter((group) => group !== '')
}

/** `2026-11-24T22:30` in the reader's time zone; empty for what is no moment. */
function localTime(utc: string): string {
  const at = new Date(utc)
  if (utc === '' || Number.isNaN(at.getTime())) return ''
  const two = (value: number): string => String(value).padStart(2, '0')
  const day = `${String(at.getFullYear()).padStart(4, '0')}-${two(at.getMonth() + 1)}-${two(at.getDate())}`
  return `${day}T${two(at.getHours())}:${two(at.getMinutes())}`
}

function utcTime(local: string): string {
  const at = new Date(local)
  return local === '' || Number.isNaN(at.getTime()) ? '' : at.toISOString()
}
