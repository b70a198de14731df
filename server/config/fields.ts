import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { z } from 'zod'
import { formatDuration, parseDuration } from '../core/duration.ts'
import { messageOf } from '../core/errors.ts'

/** What values are resolved against while a configuration is read. */
export interface ConfigSource {
  /** Relative paths start here: the configuration file's folder. */
  directory: string
  env: Readonly<Record<string, string | undefined>>
}

const maxFileBytes = 1024 * 1024

export const flag = () => z.boolean({ error: 'must be true or false' })

export const text = (max = 255) =>
  z
    .string({ error: 'must be text' })
    .min(1, 'must not be empty')
    .max(max, `must have at most ${max} characters`)
    .regex(/^[^\p{Cc}]*$/u, 'must not contain control characters')

export const wholeNumber = (min: number, max: number) => {
  const error = `must be a whole number from ${min} to ${max}`
  return z.int({ error }).min(min, error).max(max, error)
}

export const oneOf = <const Values extends readonly [string, ...string[]]>(values: Values) =>
  z.enum(values, { error: `must be one of ${values.join(', ')}` })

export const section = <Shape extends z.core.$ZodLooseShape>(shape: Shape) =>
  z.strictObject(shape, { error: `must be a map with ${Object.keys(shape).join(', ')}` })

export const list = <Item extends z.ZodType>(item: Item) =>
  z.array(item, { error: 'must be a list' }).max(1000, 'must have at most 1000 entries')

const durationForm = 'must be a duration such as 30s, 5m or 1h'

/** Milliseconds. */
export const duration = (maxMs: number) =>
  z
    .string({ error: durationForm })
    .meta({ format: 'duration' })
    .transform((value, context) => {
      const ms = parseDuration(value)
      if (ms !== undefined && ms <= maxMs) return ms
      return fail(context, ms === undefined ? durationForm : `must be at most ${formatDuration(maxMs)}`)
    })

const sizeUnits = { KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 } as const

/** Bytes. */
export const byteSize = () =>
  z
    .string({ error: 'must be a size such as 512MiB or 1GiB' })
    .meta({ format: 'size' })
    .transform((value, context) => {
      const parts = /^([1-9]\d{0,6})(KiB|MiB|GiB)$/.exec(value)
      if (parts === null) return fail(context, 'must be a size such as 512MiB or 1GiB')
      return Number(parts[1]) * sizeUnits[parts[2] as keyof typeof sizeUnits]
    })

/** An absolute path. */
export const path = (source: ConfigSource) =>
  text(4096)
    .meta({ format: 'path' })
    .transform((value) => resolve(source.directory, value))

/** The text of a file of at most 1 MiB. */
export const fileText = (source: ConfigSource) =>
  path(source).transform((file, context) => {
    try {
      return readBounded(file)
    } catch (cause) {
      return fail(context, `cannot be read: ${messageOf(cause)}`)
    }
  })

/** `{env: NAME}` or `{file: path}`, read now; line ends at the end are cut, because editors add them. */
export const secret = (source: ConfigSource, minBytes = 1) =>
  z
    .strictObject(
      {
        env: text().optional().describe('name of an environment variable'),
        file: text(4096).optional().describe('path of a file; line ends at its end are cut'),
      },
      { error: 'must be {env: NAME} or {file: path}: secrets do not belong into this file' },
    )
    .transform((value, context) => {
      if ((value.env === undefined) === (value.file === undefined)) {
        return fail(context, 'must be {env: NAME} or {file: path}')
      }
      const found =
        value.env === undefined ? readSecretFile(source, value.file ?? '', context) : source.env[value.env]
      if (found === undefined) return fail(context, `the environment variable ${value.env} is not set`)
      const bytes = Buffer.byteLength(found)
      if (bytes >= minBytes) return found
      return fail(context, bytes === 0 ? 'is empty' : `needs ${minBytes} bytes or more, and has ${bytes}`)
    })

function readSecretFile(source: ConfigSource, file: string, context: z.core.ParsePayload): string {
  try {
    return readBounded(resolve(source.directory, file)).replace(/[\r\n]+$/, '')
  } catch (cause) {
    return fail(context, `cannot be read: ${messageOf(cause)}`)
  }
}

function readBounded(file: string): string {
  if (statSync(file).size > maxFileBytes) throw new Error('it is larger than 1 MiB')
  return readFileSync(file, 'utf8')
}

/** Reports a problem from inside a transform. */
function fail(context: z.core.ParsePayload, message: string): never {
  context.issues.push({ code: 'custom', message, input: undefined })
  return z.NEVER
}

/** Known to the schema, so that nobody takes it for a typing error. */
export const laterVersion = (what: string) => `${what} is not available in this version`
/** Complains about entries that share the value of a key. */
export const unique =
  (key: string) => (items: readonly Record<string, unknown>[], context: z.core.$RefinementCtx) => {
    const seen = new Set<unknown>()
    for (const [index, item] of items.entries()) {
      if (seen.has(item[key])) {
        context.addIssue({ code: 'custom', path: [index, key], message: 'is used by an earlier entry too' })
      }
      seen.add(item[key])
    }
  }
