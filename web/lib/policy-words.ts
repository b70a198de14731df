/** What policy says, in plain words. Pure. */
import type { PolicyExplanation } from '../../server/protocol/approval-api.ts'
import { needInWords } from './approval-words.ts'
import { inWords } from './format.ts'

export interface Verdict {
  words: string
  tone: 'ok' | 'warn' | 'bad'
}

export function verdictOf({ effect, code }: Pick<PolicyExplanation, 'effect' | 'code'>): Verdict {
  if (effect === 'allow') return { words: 'Allowed', tone: 'ok' }
  if (effect === 'require-approval') return { words: 'Needs an approval', tone: 'warn' }
  if (code === 'reason_required') return { words: 'Needs a fitting reason', tone: 'warn' }
  if (code === 'ticket_required') return { words: 'Needs a fitting ticket', tone: 'warn' }
  return { words: 'Denied', tone: 'bad' }
}

export const lackWords = {
  who: 'is for others',
  action: 'allows something else',
  where: 'is about other targets',
  time: 'holds at another time',
} as const

export interface Fact {
  name: (typeof order)[number]
  values: readonly string[]
}

/** What holds and what would be needed, one line each. */
export function factsOf(explanation: PolicyExplanation): Fact[] {
  const { rules, approval } = explanation
  const facts: Fact[] = [{ name: 'Decided by', values: rules.length === 0 ? ['no rule'] : rules }]
  if (approval !== undefined) {
    facts.push(
      { name: 'Approval', values: approval.needs.map((need) => `${needInWords(need)}, says ${need.rule}`) },
      { name: 'Break-glass', values: [approval.breakGlass ? 'allowed, with a reason' : 'not allowed'] },
    )
  }
  return [...facts, ...limitsOf(explanation)]
}

function limitsOf({ grant }: PolicyExplanation): Fact[] {
  if (grant === undefined) return []
  return [
    { name: 'Toolboxes', values: [grant.toolboxes?.join(', ') ?? 'every configured one'] },
    { name: 'Profiles', values: [grant.profiles.join(', ')] },
    { name: 'Reason', values: wantedText(grant.requireReason, grant.reasonPatterns) },
    { name: 'Ticket', values: wantedText(grant.requireTicket, grant.ticketPatterns) },
    { name: 'Debug copies', values: [grant.copies ? 'allowed' : 'not allowed'] },
    { name: 'At most', values: [inWords(grant.maxDurationSeconds)] },
    { name: 'Without input', values: [`ends after ${inWords(grant.idleTimeoutSeconds)}`] },
    {
      name: 'Recording',
      values: [`${grant.recording}${grant.recordInput ? ', with what is typed' : ''}`],
    },
  ]
}

function wantedText(isRequired: boolean, patterns: readonly string[]): string[] {
  return [isRequired ? 'needed' : 'as you like', ...patterns.map((pattern) => `must match ${pattern}`)]
}

export interface RuleLine {
  name: string
  effect: PolicyExplanation['effect']
  /** `decides` and `matches` are about the question; `nearly` lacks one thing. */
  state: 'decides' | 'matches' | 'nearly' | 'misses'
  words: string
}

/** Every rule that the gateway tells of, those first that count. */
export function rulesOf({ rules, matching, near, missed = [] }: PolicyExplanation): RuleLine[] {
  const nearby = new Map(near.map((rule) => [rule.name, rule]))
  const others = missed.filter(({ name }) => !nearby.has(name))
  return [
    ...matching.map(({ name, effect }): RuleLine => {
      const decides = rules.includes(name)
      return {
        name,
        effect,
        state: decides ? 'decides' : 'matches',
        words: decides ? 'matches and decides' : 'matches',
      }
    }),
    ...near.map(({ name, effect, lacks, wants }): RuleLine => ({
      name,
      effect,
      state: 'nearly',
      words: `${lackWords[lacks]}: ${wants}`,
    })),
    ...others.map(({ name, effect, lacks }): RuleLine => ({
      name,
      effect,
      state: 'misses',
      words: new Intl.ListFormat('en').format(lacks.map((lack) => lackWords[lack])),
    })),
  ]
}

export interface ComparedFact {
  name: string
  before: readonly string[]
  after: readonly string[]
  isChanged: boolean
}

/** The same facts of both, side by side. Limits of what is refused on one side are no difference of their own. */
export function compareExplanations(before: PolicyExplanation, after: PolicyExplanation): ComparedFact[] {
  const [old, changed] = [allOf(before), allOf(after)]
  const limits = new Set([...limitsOf(before), ...limitsOf(after)].map(({ name }) => name))
  const isRefused = before.grant === undefined || after.grant === undefined
  const names = new Set([...old, ...changed].map(({ name }) => name))
  return order
    .filter((name) => names.has(name))
    .map((name) => {
      const [left, right] = [valuesOf(old, name), valuesOf(changed, name)]
      const isChanged = JSON.stringify(left) !== JSON.stringify(right) && !(isRefused && limits.has(name))
      return { name, before: left, after: right, isChanged }
    })
}

const order = [
  'Verdict',
  'Because',
  'Decided by',
  'Rules that match',
  'Approval',
  'Break-glass',
  'Toolboxes',
  'Profiles',
  'Reason',
  'Ticket',
  'Debug copies',
  'At most',
  'Without input',
  'Recording',
] as const

function allOf(explanation: PolicyExplanation): Fact[] {
  return [
    { name: 'Verdict', values: [verdictOf(explanation).words] },
    ...(explanation.explanation === undefined
      ? []
      : [{ name: 'Because' as const, values: [explanation.explanation] }]),
    ...factsOf(explanation),
    {
      name: 'Rules that match',
      values: explanation.matching.map(({ name, effect }) => `${name} (${effect})`),
    },
  ]
}

function valuesOf(facts: readonly Fact[], name: string): readonly string[] {
  return facts.find((fact) => fact.name === name)?.values ?? []
}

/** `From denied to allowed`, or what else the change comes to. */
export function changeInWords(before: PolicyExplanation, after: PolicyExplanation): string {
  const [from, to] = [verdictOf(before).words, verdictOf(after).words]
  if (from !== to) return `The change matters: from “${from}” to “${to}”`
  const changed = compareExplanations(before, after).filter(({ isChanged }) => isChanged)
  if (changed.length === 0) return 'The change does not matter to this question'
  const names = new Intl.ListFormat('en').format(changed.map(({ name }) => name.toLowerCase()))
  return `The verdict stays “${to}”; what changes: ${names}`
}

/** Where a place in a text begins, for the cursor. Lines and columns count from 1. */
export function offsetOf(text: string, line: number, column = 1): number {
  let start = 0
  for (let at = 1; at < line; at++) {
    const end = text.indexOf('\n', start)
    if (end < 0) return text.length
    start = end + 1
  }
  return Math.min(start + column - 1, text.length)
}
