import { createDeviceClient } from '../auth/device-client.ts'
import { messageOf } from '../core/errors.ts'
import { chooseGateway } from './choose-gateway.ts'
import { exitCodes } from './command-error.ts'
import { configDirectory, openKeptLogins } from './kept-logins.ts'
import type { ParsedArgs } from './parse-args.ts'
import { printable } from './printable.ts'
import type { CliContext } from './run-cli.ts'

/** `logout`: forgets what `login` kept, and gives the refresh token back to the provider. Exit code 1 when that did not work. */
export async function logout(args: ParsedArgs, context: CliContext): Promise<number> {
  const { origin } = chooseGateway(args, context.env)
  const login = await openKeptLogins(configDirectory(context.env)).change((logins) => {
    const found = logins.get(origin)
    logins.delete(origin)
    return Promise.resolve(found)
  })
  if (login === undefined) {
    context.print(`You are not signed in at ${origin}.\n`)
    return exitCodes.done
  }
  const problem = await giveBack(login)
  const until = `An access token that was printed stays good until ${login.expiresAt}.`
  context.print(`Signed out at ${origin}. ${until}\n`)
  if (problem === undefined) return exitCodes.done
  context.printError(`The refresh token could not be given back to ${printable(login.issuer)}: ${problem}\n`)
  return exitCodes.failed
}

async function giveBack(login: Parameters<typeof createDeviceClient>[0] & { refreshToken?: string }) {
  if (login.refreshToken === undefined) return undefined
  try {
    if (await createDeviceClient(login).revoke(login.refreshToken)) return undefined
    return 'it takes none back. End the session of this program in your account there.'
  } catch (cause) {
    return printable(messageOf(cause))
  }
}
