/** What a runbook link brings into the form: read as text of strangers. Pure. */
import type { Runbook } from '../../server/protocol/runbook-api.ts'
import { printableLine } from './printable.ts'

/** What happens with a link's `run`. */
export type RunPlan =
  | { kind: 'nothing' }
  /** A runbook of this name is there for the target: it opens, and nothing is typed. */
  | { kind: 'runbook'; name: string }
  /** Typed at the first prompt, without a line end. */
  | { kind: 'text'; text: string }

export interface LinkText {
  reason: string
  ticket: string
  /** What of the link was left out, in words. */
  notes: string[]
}

const limits = { reason: 500, ticket: 100, run: 2000 } as const

/** Reason and ticket as one printable line each. */
export function linkText(parameters: URLSearchParams): LinkText {
  const notes: string[] = []
  const read = (key: 'reason' | 'ticket'): string => {
    const { line, isChanged } = clean(parameters.get(key))
    if (isChanged) notes.push(`The link’s ${key} had characters that cannot be shown. They were left out.`)
    const text = cut(line, limits[key])
    if (text !== line) notes.push(`The link’s ${key} was too long. It was cut off.`)
    return text
  }
  return { reason: read('reason'), ticket: read('ticket'), notes }
}

/** What `run` of the link means here, with what was left out of it. */
export function runPlan(
  parameters: URLSearchParams,
  runbooks: readonly Runbook[],
): { plan: RunPlan; note?: string } {
  const asked = parameters.get('run') ?? ''
  if (runbooks.some(({ name }) => name === asked)) return { plan: { kind: 'runbook', name: asked } }
  const { line, isChanged } = clean(asked)
  // The beginning of a command may do something else than the whole.
  if (line.length > limits.run)
    return {
      plan: { kind: 'nothing' },
      note: `The link’s text for the prompt has more than ${limits.run} characters. It will not be typed.`,
    }
  const plan: RunPlan = line === '' ? { kind: 'nothing' } : { kind: 'text', text: line }
  if (!isChanged) return { plan }
  return {
    plan,
    note: 'The link’s text for the prompt had line ends or characters that cannot be shown. They were left out: read what is left with care.',
  }
}

/** The `run` that a plan came from. */
export function runOf(plan: RunPlan): string {
  return plan.kind === 'text' ? plan.text : plan.kind === 'runbook' ? plan.name : ''
}

/** A name of a link that is shown in a sentence. */
export function shownName(text: string): string {
  const line = printableLine(text)
  return line.length > 60 ? `${cut(line, 60)}…` : line
}

function clean(text: string | null): { line: string; isChanged: boolean } {
  const asked = text ?? ''
  const line = printableLine(asked)
  return { line, isChanged: line !== asked.trim() }
}

/** Never between the halves of a pair. */
function cut(text: string, max: number): string {
  return text.slice(0, max).replace(/[\uD800-\uDBFF]$/, '')
}
