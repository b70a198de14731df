import {
  isCollection,
  isMap,
  isScalar,
  LineCounter,
  parseDocument,
  visit,
  type Document,
  type Node,
  type Pair,
  type YAMLMap,
} from 'yaml'
import type { z } from 'zod'
import { ConfigError, type ConfigProblem } from '../core/config-error.ts'

type Place = Pick<ConfigProblem, 'line' | 'column'>
type PlaceOf = (path: readonly PropertyKey[]) => Place

/**
 * Reads YAML 1.2 and checks it against a schema. Throws ConfigError with every problem and its line.
 * `file` only names the source in messages. Values never land in messages: they may be secrets in the wrong place.
 */
export function readYaml<Schema extends z.ZodType>(
  file: string,
  text: string,
  schema: Schema,
): z.output<Schema> {
  const lines = new LineCounter()
  const document = parseYaml(file, text, lines)
  const placeOf: PlaceOf = (path) => findPlace(document, lines, path)
  const result = schema.safeParse(toPlain(file, document))
  if (result.success) return result.data
  const problems = result.error.issues.flatMap((issue) => describeIssue(issue, document, placeOf))
  throw new ConfigError(file, sortByLine(problems))
}

/** In the order in which a reader of the file meets them. */
function sortByLine(problems: readonly ConfigProblem[]): ConfigProblem[] {
  return problems.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0))
}

/** `auth.issuers[0].audience`, as messages write it. */
function formatPath(path: readonly PropertyKey[]): string {
  return path
    .map((key, index) =>
      typeof key === 'number' ? `[${key}]` : index === 0 ? String(key) : `.${String(key)}`,
    )
    .join('')
}

function parseYaml(file: string, text: string, lines: LineCounter): Document.Parsed {
  let document: Document.Parsed
  try {
    document = parseDocument(text, {
      lineCounter: lines,
      prettyErrors: false,
      stringKeys: true,
      // The library compares each key with each: a file of the largest size would take minutes. See checkKeys.
      uniqueKeys: false,
    })
  } catch {
    // Nesting that is deep enough exhausts the stack.
    throw new ConfigError(file, [{ path: '', message: 'this YAML cannot be read; is it nested too deeply?' }])
  }
  const complaints = [...document.errors, ...document.warnings]
  if (complaints.length === 0) return checkKeys(file, document, lines)
  const problems = complaints.map(({ pos, message }) => ({
    ...placeAt(lines, pos[0]),
    path: '',
    message,
  }))
  // One broken bracket can echo a thousand times.
  const unique = new Map(problems.map((problem) => [`${problem.line} ${problem.message}`, problem]))
  throw new ConfigError(file, [...unique.values()].slice(0, 20))
}

/**
 * Throws ConfigError for a key that a map has twice, and for one that would be taken for an object's prototype: some of what
 * reads it would skip it, and a rule that was meant to be narrow would be wide.
 */
function checkKeys(file: string, document: Document.Parsed, lines: LineCounter): Document.Parsed {
  const problems: ConfigProblem[] = []
  const complain = (key: Node, message: string) =>
    problems.push({ line: lines.linePos(rangeStart(key) ?? 0).line, path: '', message })
  visit(document, {
    Map(_at, map) {
      const seen = new Set<unknown>()
      for (const { key } of map.items) {
        if (!isScalar(key)) continue
        if (key.value === '__proto__') complain(key, '__proto__ is no name that can be used here')
        else if (seen.has(key.value)) complain(key, 'Map keys must be unique')
        seen.add(key.value)
      }
    },
  })
  if (problems.length === 0) return document
  throw new ConfigError(file, sortByLine(problems).slice(0, 20))
}

function toPlain(file: string, document: Document.Parsed): unknown {
  try {
    // An empty file is an empty map. The alias limit stops "billion laughs".
    return document.toJS({ maxAliasCount: 100 }) ?? {}
  } catch {
    throw new ConfigError(file, [
      { path: '', message: 'this YAML cannot be read; it repeats too much by aliases' },
    ])
  }
}

function findPlace(document: Document, lines: LineCounter, path: readonly PropertyKey[]): Place {
  let node: unknown = document.contents
  let offset = rangeStart(node)
  for (const key of path) {
    if (!isCollection(node)) break
    const pair = isMap(node) ? pairsOf(node).get(key) : undefined
    const next: unknown = pair === undefined ? node.get(key, true) : pair.value
    if (pair === undefined && next === undefined) break
    offset = rangeStart(pair?.key) ?? rangeStart(next) ?? offset
    node = next
  }
  return offset === undefined ? {} : placeAt(lines, offset)
}

function placeAt(lines: LineCounter, offset: number): Place {
  const { line, col } = lines.linePos(offset)
  return { line, column: col }
}

const pairs = new WeakMap<YAMLMap, ReadonlyMap<unknown, Pair>>()

/** By key: thousands of problems in one map would else be thousands of walks through it. */
function pairsOf(map: YAMLMap): ReadonlyMap<unknown, Pair> {
  let known = pairs.get(map)
  if (known === undefined) {
    known = new Map(map.items.flatMap((pair) => (isScalar(pair.key) ? [[pair.key.value, pair]] : [])))
    pairs.set(map, known)
  }
  return known
}

function rangeStart(node: unknown): number | undefined {
  return (node as Node | null | undefined)?.range?.[0]
}

function describeIssue(issue: z.core.$ZodIssue, document: Document, placeOf: PlaceOf): ConfigProblem[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => problemAt([...issue.path, key], 'unknown key', placeOf))
  }
  if (issue.code === 'invalid_key') return [problemAt(issue.path, 'this key is not a valid name', placeOf)]
  const missing = issue.code !== 'custom' && issue.path.length > 0 && !document.hasIn(issue.path)
  return [problemAt(issue.path, missing ? `is missing: it ${issue.message}` : issue.message, placeOf)]
}

function problemAt(path: readonly PropertyKey[], message: string, placeOf: PlaceOf): ConfigProblem {
  return { ...placeOf(path), path: formatPath(path), message }
}
