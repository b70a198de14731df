/** Search words, label selectors and kinds over targets. Pure. */
import { HatchwayError } from '../core/errors.ts'
import { resourceKindOf } from '../core/target-ref.ts'
import { workloadKinds } from '../core/vocabulary.ts'
import type { Target } from '../core/target.ts'
import { refOf } from './permissions.ts'
import { knownWords } from './known-words.ts'

export type TargetFilter = (target: Target) => boolean

/** What a word is looked for in. Kept as long as the target: a driver gives the same one again while nothing changes. */
const haystacks = new WeakMap<Target, string>()

/** Every word must be in the name, the reference, an image, the node or a label, in any case. */
export function matchWords(q: string): TargetFilter {
  const words = q.toLowerCase().split(/\s+/).filter(Boolean)
  if (words.length === 0) return () => true
  return (target) => {
    let text = haystacks.get(target)
    if (text === undefined) haystacks.set(target, (text = haystackOf(target)))
    return words.every((word) => text.includes(word))
  }
}

function haystackOf(target: Target): string {
  const { name, image, labels, node = '', cluster } = target
  const pairs = Object.entries(labels).map(([key, value]) => `${key}=${value}`)
  const images = (cluster?.containers ?? []).map((container) => container.image)
  return [...new Set([name, refOf(target), image, ...images, node, ...pairs])].join('\n').toLowerCase()
}

/** Throws `invalid_request` for an unknown kind. */
export function matchKinds(kinds: readonly string[]): TargetFilter {
  const wanted = new Set<string>(knownWords('kind', kinds, ['container', ...workloadKinds]))
  return ({ ref }) => wanted.has(resourceKindOf(ref))
}

/**
 * Kubernetes' selectors: `a=b`, `a==b`, `a!=b`, `a in (b,c)`, `a notin (b,c)`, `a`, `!a`, joined by commas. As there, `!=` and
 * `notin` hold also where the label is missing. Throws `invalid_request`.
 */
export function matchSelector(selector: string): TargetFilter {
  const tests = splitRequirements(selector).map((part) => parseRequirement(part.trim()))
  return ({ labels }) => tests.every((test) => test(labels))
}

type LabelTest = (labels: Readonly<Record<string, string>>) => boolean

/** At the commas that are in no parentheses. */
function splitRequirements(selector: string): string[] {
  const parts = ['']
  let isInside = false
  // One walk: an expression that looks ahead from each comma takes the square of the length.
  for (const piece of selector.split(/([(),])/)) {
    if (piece === '(') isInside = true
    else if (piece === ')') isInside = false
    if (piece === ',' && !isInside) parts.push('')
    else parts[parts.length - 1] += piece
  }
  return parts
}

const setBased = /^(?<key>[\w./-]+)\s+(?<operator>in|notin)\s*\((?<values>[^()=!]*)\)$/
const equalityBased = /^(?<not>!)?\s*(?<key>[\w./-]+)(?:\s*(?<operator>!=|==?)\s*(?<value>[^=!\s()]*))?$/

function parseRequirement(text: string): LabelTest {
  const { key, operator, values } = setBased.exec(text)?.groups ?? {}
  if (key === undefined || values === undefined) return parseEquality(text)
  const wanted = new Set(values.split(',').map((value) => value.trim()))
  const isIn: LabelTest = (labels) => Object.hasOwn(labels, key) && wanted.has(labels[key] ?? '')
  return operator === 'in' ? isIn : (labels) => !isIn(labels)
}

function parseEquality(text: string): LabelTest {
  const { not, key, operator, value } = equalityBased.exec(text)?.groups ?? {}
  if (key === undefined || (not !== undefined && operator !== undefined)) {
    throw new HatchwayError(
      'invalid_request',
      `${JSON.stringify(text)} is not a label requirement. Write key=value, key!=value, key in (a,b), key notin (a,b), key or !key, joined by commas.`,
    )
  }
  const has: LabelTest = (labels) => Object.hasOwn(labels, key)
  if (operator === undefined) return (labels) => has(labels) === (not === undefined)
  if (operator === '!=') return (labels) => !has(labels) || labels[key] !== value
  return (labels) => has(labels) && labels[key] === value
}
