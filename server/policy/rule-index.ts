import { type PolicyRequest } from '../core/policy.ts'
import { actions, type Action } from '../core/vocabulary.ts'
import type { Steps } from '../core/steps.ts'
import { isGlob, literalPieces } from './glob.ts'
import { possibleFacts } from './match-target.ts'
import type { Rule } from './rule.ts'

/** Finds the rules that a request may be about by what they say literally, so that the others need not be judged. */
export interface RuleIndex {
  /** Calls back with the places of all rules that match, and of some that don't: in file order, each once. */
  each(request: PolicyRequest, found: (place: number) => void): void
}

interface Indexed {
  readonly rule: Rule
  /** With those that others imply. */
  readonly actions: ReadonlySet<Action>
}

/** What one text of a request has to be, what it has within it, or that there is such a text at all. */
interface Key {
  field: string
  kind: 'whole' | 'gram' | 'present'
  text: string
}

/** One thing that a rule asks for. It is met where one of the alternatives is; each alternative is found by any of its keys. */
type Demand = readonly (readonly Key[])[]

/** Two letters in a row tell patterns apart well enough, and a name has few of them; one is better than none. */
const gramLengths = [2, 1] as const

/** Keeps every rule under the keys of one demand only: the one that it shares with the fewest other rules. */
export function* indexRules(rules: readonly Indexed[]): Steps<RuleIndex> {
  const demands: Demand[][] = []
  const counts = new Map<string, number>()
  for (const { rule } of rules) {
    const demanded = demandsOf(rule)
    demands.push(demanded)
    for (const key of demanded.flat(2)) counts.set(nameOf(key), countOf(counts, key) + 1)
    yield
  }
  const fields = new Map<string, FieldIndex>()
  const everywhere = new PlaceSet(rules.length)
  for (const [place, demanded] of demands.entries()) {
    const keys = rarest(demanded, counts)
    if (keys === undefined) everywhere.add([place])
    for (const key of keys ?? []) {
      const field = fields.get(key.field) ?? new FieldIndex()
      fields.set(key.field, field)
      field.add(key, place)
    }
    yield
  }
  const byAction = new Map(actions.map((action) => [action, placesOf(rules, action)]))
  return {
    each: (request, found) => {
      const places = new PlaceSet(rules.length, everywhere)
      eachText(request, (field, text) => fields.get(field)?.find(text, places))
      places.eachAlsoIn(byAction.get(request.action), found)
    },
  }
}

function placesOf(rules: readonly Indexed[], action: Action): PlaceSet {
  const places = new PlaceSet(rules.length)
  for (const [place, { actions }] of rules.entries()) if (actions.has(action)) places.add([place])
  return places
}

function demandsOf({ who, where }: Rule): Demand[] {
  const demands: Demand[] = []
  if (!who.everyone) demands.push([...patterns('subject', who.subjects), ...patterns('group', who.groups)])
  if (where.environments !== undefined) demands.push(patterns('environment', where.environments))
  if (where.namespaces !== undefined) demands.push(patterns('namespace', where.namespaces))
  if (where.targets !== undefined) demands.push(patterns('name', where.targets))
  for (const [label, values] of Object.entries(where.labels ?? {}))
    demands.push(values.includes('*') ? [[present(labelField(label))]] : exactly(labelField(label), values))
  for (const { key, operator, values } of where.matchExpressions ?? []) {
    if (operator === 'Exists') demands.push([[present(labelField(key))]])
    if (operator === 'In') demands.push(exactly(labelField(key), values))
  }
  if (where.facts !== undefined) demands.push(exactly('fact', where.facts))
  return demands
}

/** Every text of a request that a rule can be found by. */
function eachText({ who, target }: PolicyRequest, look: (field: string, text: string) => void): void {
  look('subject', who.subject)
  for (const group of who.groups) look('group', group)
  if (target === undefined) return
  look('environment', target.environment)
  if (target.namespace !== undefined) look('namespace', target.namespace)
  look('name', target.name)
  for (const name of target.names ?? []) look('name', name)
  for (const name of target.claims ?? []) look('name', name)
  for (const fact of possibleFacts(target)) look('fact', fact)
  for (const [label, value] of Object.entries(target.labels)) look(labelField(label), value)
}

function labelField(label: string): string {
  return `label ${label}`
}

function present(field: string): Key {
  return { field, kind: 'present', text: '' }
}

function exactly(field: string, texts: readonly string[]): Demand {
  return texts.map((text) => [{ field, kind: 'whole', text }])
}

function patterns(field: string, texts: readonly string[]): Demand {
  return texts.flatMap((text) => {
    if (!isGlob(text)) return exactly(field, [text])
    const pieces = literalPieces(text)
    const grams = gramLengths.map((length) => pieces.flatMap((piece) => gramsOf(piece, length)))
    const best = grams.find((found) => found.length > 0) ?? []
    return [
      best.length === 0 ? [present(field)] : best.map((gram): Key => ({ field, kind: 'gram', text: gram })),
    ]
  })
}

function gramsOf(text: string, length: number): string[] {
  const grams: string[] = []
  for (let at = 0; at + length <= text.length; at++) grams.push(text.slice(at, at + length))
  return grams
}

function nameOf({ field, kind, text }: Key): string {
  return `${kind} ${text}\n${field}`
}

function countOf(counts: ReadonlyMap<string, number>, key: Key): number {
  return counts.get(nameOf(key)) ?? 0
}

/** The keys of the demand that picks out the fewest rules; undefined for a rule that demands nothing. */
function rarest(demands: readonly Demand[], counts: ReadonlyMap<string, number>): Key[] | undefined {
  let best: { keys: Key[]; count: number } | undefined
  for (const demand of demands) {
    const rare = demand.map((alternative) => rarestKey(alternative, counts))
    const count = rare.reduce((sum, { count }) => sum + count, 0)
    if (best === undefined || count < best.count) best = { keys: rare.map(({ key }) => key), count }
  }
  return best?.keys
}

function rarestKey(keys: readonly Key[], counts: ReadonlyMap<string, number>): { key: Key; count: number } {
  const counted = keys.map((key) => ({ key, count: countOf(counts, key) }))
  return counted.reduce((best, other) => (other.count < best.count ? other : best))
}

/** The rules that are kept under the keys of one field. */
class FieldIndex {
  readonly #whole = new Map<string, number[]>()
  readonly #grams = new Map<string, number[]>()
  readonly #gramLengths = new Set<number>()
  readonly #present: number[] = []

  add({ kind, text }: Key, place: number): void {
    if (kind === 'gram') this.#gramLengths.add(text.length)
    if (kind === 'present') this.#present.push(place)
    else append(kind === 'whole' ? this.#whole : this.#grams, text, place)
  }

  find(text: string, places: PlaceSet): void {
    places.add(this.#whole.get(text))
    places.add(this.#present)
    for (const length of this.#gramLengths)
      for (const gram of gramsOf(text, length)) places.add(this.#grams.get(gram))
  }
}

function append(index: Map<string, number[]>, key: string, place: number): void {
  const there = index.get(key)
  if (there === undefined) index.set(key, [place])
  else there.push(place)
}

/** A bit for each place: read in order without being sorted, which would not be linear. */
class PlaceSet {
  readonly #words: Uint32Array

  constructor(size: number, copied?: PlaceSet) {
    this.#words = copied === undefined ? new Uint32Array(Math.ceil(size / 32)) : copied.#words.slice()
  }

  add(places: readonly number[] = []): void {
    const words = this.#words
    for (const place of places) words[place >>> 5] = (words[place >>> 5] ?? 0) | (1 << (place & 31))
  }

  eachAlsoIn(other: PlaceSet | undefined, found: (place: number) => void): void {
    if (other === undefined) return
    for (let index = 0; index < this.#words.length; index++) {
      const both = (this.#words[index] ?? 0) & (other.#words[index] ?? 0)
      for (let rest = both; rest !== 0; rest &= rest - 1) found(index * 32 + 31 - Math.clz32(rest & -rest))
    }
  }
}
