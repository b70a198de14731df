import { renderConfigDocs } from '../config/config-docs.ts'
import { loadConfig, localConfig, redactConfig, type Config } from '../config/config.ts'
import { ConfigError } from '../core/config-error.ts'
import { HatchwayError } from '../core/errors.ts'
import type { GetOrCreateSecret } from '../core/secrets.ts'
import { CommandError, exitCodes } from './command-error.ts'
import { commands, type Command } from './commands.ts'
import { findCommand, formatHelp, parseArgs, UsageError, type ParsedArgs } from './parse-args.ts'
import { checkPolicy, explainPolicy, simulatePolicy } from './policy.ts'
import { issueToken } from './token.ts'

/** What the command line needs from the outside. */
export interface CliContext {
  env: Readonly<Record<string, string | undefined>>
  /** Where relative paths of a start without a configuration begin. */
  directory: string
  version: string
  /** Standard error is a terminal. */
  isInteractive: boolean
  /** Aborts at Ctrl-C and SIGTERM, until it is released; a second Ctrl-C ends the process. */
  interruption(): { signal: AbortSignal; release(): void }
  /** To standard output and standard error. */
  print(text: string): void
  printError(text: string): void
  /** Runs the gateway until it is told to stop; resolves with the exit code. */
  serve(config: Config): Promise<number>
  /** Checks a recording or an audit log offline and prints what it found; resolves with the exit code. */
  verify(file: string): Promise<number>
  /** The installation's kept values. */
  secrets(config: Config): GetOrCreateSecret
}

/** So that a pipeline can test a policy. */
const explainExitCodes = { allow: 0, deny: 1, 'require-approval': 2 } as const

/** Runs one command and resolves with the exit code. Rejects only for defects. */
export async function runCli(argv: readonly string[], context: CliContext): Promise<number> {
  try {
    return await dispatch(argv, context)
  } catch (error) {
    if (error instanceof UsageError) {
      context.printError(`${error.message} See: hatchway help\n`)
      return exitCodes.usage
    }
    if (error instanceof ConfigError) {
      const count = error.problems.length
      context.printError(`${error.message}\n${count} ${count === 1 ? 'problem' : 'problems'} found.\n`)
      return exitCodes.configuration
    }
    if (error instanceof CommandError) {
      context.printError(`${error.message}\n`)
      return error.exitCode
    }
    if (error instanceof HatchwayError) {
      context.printError(`${error.message}\n`)
      return exitCodes.failed
    }
    throw error
  }
}

async function dispatch(argv: readonly string[], context: CliContext): Promise<number> {
  const [first, ...rest] = argv
  if (first === '--version' || first === 'version') {
    context.print(`hatchway ${context.version}\n`)
    return exitCodes.done
  }
  if (first === undefined || first === 'help' || first === '--help' || first === '-h') {
    context.print(rest.length > 0 ? formatHelp(findCommand(commands, rest)) : formatOverview())
    return first === undefined ? exitCodes.usage : exitCodes.done
  }
  const command = findCommand(commands, argv)
  const args = parseArgs(command, argv.slice(command.name.split(' ').length))
  if (args.help) {
    context.print(formatHelp(command))
    return exitCodes.done
  }
  return run(command.name, args, context)
}

async function run(name: Command['name'], args: ParsedArgs, context: CliContext): Promise<number> {
  switch (name) {
    case 'serve':
      return context.serve(chooseConfig(args, context))
    // Only these load a provider's client.
    case 'login':
      return (await import('./login.ts')).login(args, context)
    case 'logout':
      return (await import('./logout.ts')).logout(args, context)
    case 'token':
      return args.option('gateway') === undefined
        ? runToken(args, context)
        : (await import('./access-token.ts')).printAccessToken(args, context)
    case 'policy check':
      context.print(checkPolicy(args))
      return exitCodes.done
    case 'policy explain': {
      const { text, effect } = explainPolicy(args)
      context.print(text)
      return explainExitCodes[effect]
    }
    case 'policy simulate':
      context.print(simulatePolicy(args))
      return exitCodes.done
    case 'config check': {
      const path = args.positionals[0] ?? ''
      const config = loadConfig({ path, env: context.env })
      await (await import('./check-clusters.ts')).checkClusters(config, path)
      context.print(`${JSON.stringify(redactConfig(config), null, 2)}\n`)
      return exitCodes.done
    }
    case 'config docs':
      context.print(renderConfigDocs())
      return exitCodes.done
    case 'verify':
      return context.verify(args.positionals[0] ?? '')
    default:
      name satisfies never
      throw new UsageError('This command is not available.')
  }
}

async function runToken(args: ParsedArgs, context: CliContext): Promise<number> {
  const config = chooseConfig(args, context)
  const { token, note } = await issueToken(args, config, context.secrets(config))
  context.printError(`${note}\n`)
  context.print(`${token}\n`)
  return exitCodes.done
}

function chooseConfig(args: ParsedArgs, { env, directory }: CliContext): Config {
  const path = args.option('config') ?? env['HATCHWAY_CONFIG']
  return path === undefined || path === '' ? localConfig({ env, directory }) : loadConfig({ path, env })
}

function formatOverview(): string {
  const width = Math.max(...commands.map(({ name }) => name.length))
  return `hatchway COMMAND

Commands:
${commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`).join('\n')}
  ${'help COMMAND'.padEnd(width)}  show what a command takes

Exit codes: 0 done (valid, allowed, unaltered), 1 failed (denied, altered), 2 an approval is required, 64 wrong usage, 77 sign in first (hatchway login), 78 wrong configuration or policy, 130 cancelled.
`
}
