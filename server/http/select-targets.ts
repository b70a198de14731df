/** Search words and label selectors over targets. Pure. */
import { HatchwayError } from '../core/errors.ts'
import type { Target } from '../core/target.ts'
import { refOf } from './permissions.ts'

export type TargetFilter = (target: Target) => boolean

/** Every word must be in the name, the reference, the image or a label, in any case. */
export function matchWords(q: string): TargetFilter {
  const words = q.toLowerCase().split(/\s+/).filter(Boolean)
  return (target) => {
    const labels = Object.entries(target.labels).map(([key, value]) => `${key}=${value}`)
    const text = [target.name, refOf(target), target.image, ...labels].join('\n').toLowerCase()
    return words.every((word) => text.includes(word))
  }
}

/** Kubernetes' equality selectors: `a=b`, `a==b`, `a!=b`, `a`, `!a`, joined by commas. Throws `invalid_request`. */
export function matchSelector(selector: string): TargetFilter {
  const tests = selector.split(',').map((part) => parseRequirement(part.trim()))
  return ({ labels }) => tests.every((test) => test(labels))
}

type LabelTest = (labels: Readonly<Record<string, string>>) => boolean

function parseRequirement(text: string): LabelTest {
  const parts = /^(?<not>!)?(?<key>[\w./-]+)(?:\s*(?<operator>!=|==?)\s*(?<value>[^=!\s]*))?$/.exec(
    text,
  )?.groups
  const { not, key, operator, value } = parts ?? {}
  if (key === undefined || (not !== undefined && operator !== undefined)) {
    throw new HatchwayError(
      'invalid_request',
      `${JSON.stringify(text)} is not a label requirement. Write key=value, key!=value, key or !key, joined by commas.`,
    )
  }
  const has = (labels: Readonly<Record<string, string>>) => Object.hasOwn(labels, key)
  if (operator === undefined) return (labels) => has(labels) === (not === undefined)
  if (operator === '!=') return (labels) => !has(labels) || labels[key] !== value
  return (labels) => has(labels) && labels[key] === value
}
