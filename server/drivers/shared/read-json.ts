/** Parts of an answer that may be missing, null or of another kind: each reads as nothing. Pure. */

/** `{}` for whatever is no object. */
export function readRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {}
}

/**
 * The same value without what is null in it, however deep: then a key is there with something or not there at all, and a list holds only
 * what is something. Changes the value itself.
 */
export function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.filter((item) => item !== null).map(withoutNulls)
  if (typeof value !== 'object' || value === null) return value ?? undefined
  const record = value as Record<string, unknown>
  for (const [key, part] of Object.entries(record)) {
    if (part === null) delete record[key]
    else if (typeof part === 'object') record[key] = withoutNulls(part)
  }
  return record
}

/** `[]` for whatever is no list. */
export function readList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

/** `''` for whatever is no text. */
export function readText(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** 0 for whatever is no finite number. */
export function readNumber(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : 0
}

/** The texts of a list; what else is in it is left out. */
export function readTexts(value: unknown): string[] {
  return readList(value).filter((item) => typeof item === 'string')
}

/** The pairs whose value is a text. */
export function readTextRecord(value: unknown): Record<string, string> {
  const pairs = Object.entries(readRecord(value))
  return Object.fromEntries(pairs.filter((pair): pair is [string, string] => typeof pair[1] === 'string'))
}
