import { parseArgs as parseNodeArgs, type ParseArgsOptionsConfig } from 'node:util'
import { messageOf } from '../core/errors.ts'

/** One command as its help shows it. */
export interface CommandSpec {
  /** `policy explain`. */
  readonly name: string
  readonly summary: string
  /** What stands after the name, such as `FILE`. */
  readonly positionals: readonly string[]
  readonly options: Readonly<Record<string, OptionSpec>>
}

interface OptionSpec {
  /** Shown after the option's name, such as `FILE`; absent for a flag. */
  readonly value?: string
  readonly repeatable?: true
  readonly summary: string
}

/** What was typed after a command's name. */
export interface ParsedArgs {
  readonly positionals: readonly string[]
  /** The last value given, or undefined. */
  option(name: string): string | undefined
  /** Every value of a repeatable option, in order. */
  options(name: string): readonly string[]
  readonly help: boolean
}

/** The command line can't be understood. Programs exit with 64 (EX_USAGE of sysexits.h). */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** The longest command that the words begin with. Throws UsageError when there is none. */
export function findCommand<Spec extends CommandSpec>(
  specs: readonly Spec[],
  words: readonly string[],
): Spec {
  const fits = specs.filter(({ name }) => name === words.slice(0, name.split(' ').length).join(' '))
  const found = fits.toSorted((a, b) => b.name.length - a.name.length)[0]
  if (found !== undefined) return found
  const group = specs.filter(({ name }) => name.startsWith(`${words[0]} `))
  if (group.length > 0) throw new UsageError(`Say which one: ${group.map(({ name }) => name).join(', ')}.`)
  throw new UsageError(`${JSON.stringify(words[0])} is not a command.`)
}

/** Reads what follows the command's name. Throws UsageError for anything unknown, missing or superfluous. */
export function parseArgs(spec: CommandSpec, words: readonly string[]): ParsedArgs {
  const config: ParseArgsOptionsConfig = { help: { type: 'boolean', short: 'h' } }
  for (const [name, option] of Object.entries(spec.options)) {
    config[name] = { type: option.value === undefined ? 'boolean' : 'string', multiple: true }
  }
  let parsed: ReturnType<typeof parseNodeArgs>
  try {
    parsed = parseNodeArgs({ args: [...words], options: config, allowPositionals: true, strict: true })
  } catch (cause) {
    throw new UsageError(`${messageOf(cause).split('. ')[0]}.`)
  }
  const { values, positionals } = parsed
  const help = values['help'] === true
  if (!help && positionals.length < spec.positionals.length) {
    throw new UsageError(`${spec.positionals[positionals.length]} is missing.`)
  }
  const superfluous = positionals[spec.positionals.length]
  if (!help && superfluous !== undefined)
    throw new UsageError(`${JSON.stringify(superfluous)} is one argument too many.`)
  const all = (name: string) => [values[name] ?? []].flat().map(String)
  for (const [name, option] of Object.entries(spec.options)) {
    if (option.repeatable !== true && all(name).length > 1) throw new UsageError(`--${name} is given twice.`)
  }
  return { positionals, option: (name) => all(name).at(-1), options: all, help }
}

/** The page for one command. */
export function formatHelp(spec: CommandSpec): string {
  const options = Object.entries({
    ...spec.options,
    help: { summary: 'show this page' } satisfies OptionSpec,
  })
  const names = options.map(([name, option]: [string, OptionSpec]) =>
    option.value === undefined ? `--${name}` : `--${name} ${option.value}`,
  )
  const width = Math.max(...names.map((name) => name.length))
  const lines = options.map(([, option]: [string, OptionSpec], index) => {
    const again = option.repeatable === true ? ' (repeatable)' : ''
    return `  ${(names[index] ?? '').padEnd(width)}  ${option.summary}${again}`
  })
  const usage = ['hatchway', spec.name, ...spec.positionals, '[options]'].join(' ')
  return `${usage}\n\n${spec.summary}\n\nOptions:\n${lines.join('\n')}\n`
}
