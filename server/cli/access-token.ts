import { createDeviceClient } from '../auth/device-client.ts'
import { HatchwayError } from '../core/errors.ts'
import { chooseGateway } from './choose-gateway.ts'
import { CommandError, exitCodes } from './command-error.ts'
import { configDirectory, openKeptLogins, type KeptLogin, type LoginsByGateway } from './kept-logins.ts'
import { toKept } from './login.ts'
import { UsageError, type ParsedArgs } from './parse-args.ts'
import { printable } from './printable.ts'
import type { CliContext } from './run-cli.ts'

/** Options of `token` that say what a token of this installation's own key holds. */
const ofOwnKey = ['config', 'user', 'name', 'group', 'ttl']

/**
 * `token --gateway`: an access token that is good now, renewed when it is about to end. Only the provider that it came from
 * is asked. Throws CommandError with the exit code 77 when only a new `login` helps.
 */
export async function printAccessToken(args: ParsedArgs, context: CliContext): Promise<number> {
  for (const option of ofOwnKey) {
    if (args.option(option) !== undefined)
      throw new UsageError(`--${option} does not go with --gateway: that token is the provider's.`)
  }
  const { origin } = chooseGateway(args, context.env)
  const kept = openKeptLogins(configDirectory(context.env))
  const found = (await kept.read()).get(origin)
  if (found === undefined) throw loginNeeded(origin, `You are not signed in at ${origin}.`)
  const login = isDue(found) ? await kept.change((logins) => renew(origin, logins, context)) : found
  context.printError(
    `For ${printable(login.subject)} at ${origin}, until ${login.expiresAt}. Keep it secret.\n`,
  )
  context.print(`${login.accessToken}\n`)
  return exitCodes.done
}

async function renew(origin: string, logins: LoginsByGateway, context: CliContext): Promise<KeptLogin> {
  // Read again under the lock: another process may have been here, and spent the refresh token.
  const login = logins.get(origin)
  if (login === undefined) throw loginNeeded(origin, `You are not signed in at ${origin}.`)
  if (!isDue(login)) return login
  const { issuer, refreshToken, subject } = login
  const isGood = Date.parse(login.expiresAt) > Date.now()
  if (refreshToken === undefined) {
    if (isGood) return login
    logins.delete(origin)
    throw loginNeeded(origin, `The sign-in at ${origin} has ended.`)
  }
  try {
    const tokens = await createDeviceClient(login).refresh(refreshToken)
    const renewed = { ...toKept(login, { refreshToken, ...tokens }, subject) }
    logins.set(origin, renewed)
    return renewed
  } catch (cause) {
    if (!(cause instanceof HatchwayError)) throw cause
    if (cause.code === 'sign_in_stale' || cause.code === 'sign_in_denied') {
      logins.delete(origin)
      throw loginNeeded(origin, `${issuer} no longer stands for the sign-in at ${origin}.`)
    }
    if (!isGood) throw cause
    context.printError(`Not renewed: ${cause.message}\n`)
    return login
  }
}

function isDue({ renewAt }: KeptLogin): boolean {
  return Date.parse(renewAt) <= Date.now()
}

function loginNeeded(origin: string, why: string): CommandError {
  return new CommandError(`${printable(why)} Run: hatchway login --gateway ${origin}`, exitCodes.signIn)
}
