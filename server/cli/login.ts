import {
  createDeviceClient,
  type DeviceClient,
  type DeviceSignIn,
  type DeviceTokens,
} from '../auth/device-client.ts'
import type { Me } from '../protocol/sign-in-api.ts'
import { checkAudience, checkDevice, checkSameProvider, type Device } from './check-device.ts'
import { chooseGateway } from './choose-gateway.ts'
import { CommandError, exitCodes } from './command-error.ts'
import type { GatewayClient } from './gateway-client.ts'
import { configDirectory, openKeptLogins, type KeptLogin, type LoginsByGateway } from './kept-logins.ts'
import type { ParsedArgs } from './parse-args.ts'
import { printable } from './printable.ts'
import type { CliContext } from './run-cli.ts'

/**
 * `login`: signs this program in at the identity provider that a gateway names, by the device flow, proves that the gateway
 * accepts what came of it, and keeps it. Nothing is kept, and what was given is given back, when anything goes wrong.
 */
export async function login(args: ParsedArgs, context: CliContext): Promise<number> {
  const gateway = chooseGateway(args, context.env)
  const interruption = context.interruption()
  const { signal } = interruption
  try {
    return await loginAt(gateway, context, signal)
  } catch (cause) {
    throw signal.aborted ? new CommandError('Cancelled. Nothing was kept.', exitCodes.cancelled) : cause
  } finally {
    interruption.release()
  }
}

async function loginAt(gateway: GatewayClient, context: CliContext, signal: AbortSignal): Promise<number> {
  // Before the person does anything: what was kept must be in order.
  const kept = openKeptLogins(configDirectory(context.env))
  const before = await kept.read()
  const device = checkDevice(gateway.origin, (await gateway.signInOptions(signal)).device)
  checkSameProvider(gateway.origin, device, before)
  const client = createDeviceClient(device)
  const started = await Promise.race([client.begin(), aborted(signal)])
  context.printError(describe(gateway.origin, device, started, before))
  const stop = context.isInteractive ? countDown(context, started.expiresAt) : undefined
  const tokens = await started.wait(signal).finally(stop)
  try {
    checkAudience(gateway.origin, device, tokens)
    const me = await gateway.me(tokens.accessToken, signal)
    const earlier = await kept.change((logins) => {
      const replaced = logins.get(gateway.origin)
      logins.set(gateway.origin, toKept(device, tokens, me.subject))
      return Promise.resolve(replaced)
    })
    await giveBack(client, earlier?.refreshToken)
    context.print(greet(gateway.origin, me, tokens))
    return exitCodes.done
  } catch (cause) {
    await giveBack(client, tokens.refreshToken)
    throw cause
  }
}

function describe(origin: string, device: Device, started: DeviceSignIn, logins: LoginsByGateway): string {
  const { userCode, verificationUri, completeUri } = started
  const lines = [
    `Gateway:           ${origin}`,
    `Identity provider: ${device.issuer}, for the program ${JSON.stringify(device.clientId)}`,
    ...sharedWith(origin, device, logins),
    '',
    `Open this page, on any device:  ${completeUri ?? verificationUri}`,
    ...(completeUri === undefined ? [] : [`or this one, and type the code: ${verificationUri}`]),
    `The code:                       ${userCode}`,
    '',
    `Go on only if you trust the gateway and know the identity provider, and if the page shows this code.`,
    `Waiting until ${started.expiresAt.toISOString().slice(11, 16)} UTC. Ctrl-C cancels.`,
  ]
  return `${lines.join('\n')}\n`
}

/** One token, several gateways: each of them could use it at the others. */
function sharedWith(origin: string, device: Device, logins: LoginsByGateway): string[] {
  const others = [...logins].filter(
    ([other, { issuer, audiences }]) =>
      other !== origin &&
      issuer === device.issuer &&
      audiences.some((audience) => device.audiences.includes(audience)),
  )
  return others.map(
    ([other]) =>
      `Careful: what you get is good at ${printable(other)} too, and whoever runs ${origin} could use it there.`,
  )
}

function greet(origin: string, me: Me, { refreshToken, expiresAt }: DeviceTokens): string {
  const groups = me.groups.length === 0 ? 'in no group' : `in ${me.groups.join(', ')}`
  const until =
    refreshToken === undefined
      ? `Good until ${expiresAt.toISOString()}; then sign in again: the provider gave nothing to renew it with.`
      : `The token is good until ${expiresAt.toISOString()}; \`hatchway token --gateway ${origin}\` renews it while the provider agrees.`
  return `Signed in at ${origin} as ${printable(`${me.name} (${me.subject}), ${groups}`)}.\n${until}\n`
}

/** What is kept of tokens; a token is renewed a minute before its end, or a fifth of its time. */
export function toKept(
  from: Pick<KeptLogin, 'issuer' | 'clientId' | 'scopes' | 'resource' | 'audiences'>,
  { accessToken, refreshToken, expiresAt }: DeviceTokens,
  subject: string,
): KeptLogin {
  const { issuer, clientId, scopes, resource, audiences } = from
  const end = expiresAt.getTime()
  const early = Math.min(60_000, Math.max(0, end - Date.now()) / 5)
  return {
    issuer,
    clientId,
    scopes: [...scopes],
    ...(resource !== undefined && { resource }),
    audiences: [...audiences],
    subject,
    accessToken,
    ...(refreshToken !== undefined && { refreshToken }),
    expiresAt: expiresAt.toISOString(),
    renewAt: new Date(end - early).toISOString(),
  }
}

async function giveBack(client: DeviceClient, refreshToken: string | undefined): Promise<void> {
  // Whether it works or not: nobody here uses it any more.
  if (refreshToken !== undefined) await client.revoke(refreshToken).catch(() => false)
}

/** Rejects then: what is under way is of no interest any more. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(new Error('cancelled')), { once: true })
  })
}

/** One line that says how long there is. Returns how to stop and remove it. */
function countDown(context: CliContext, end: Date): () => void {
  const show = () => {
    const left = Math.max(0, Math.round((end.getTime() - Date.now()) / 1000))
    const seconds = String(left % 60).padStart(2, '0')
    context.printError(`\r\u001B[KWaiting for you to sign in: ${Math.floor(left / 60)}:${seconds} left `)
  }
  show()
  const timer = setInterval(show, 1000)
  return () => {
    clearInterval(timer)
    context.printError('\r\u001B[K')
  }
}
