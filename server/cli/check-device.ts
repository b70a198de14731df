import type { DeviceClientOptions, DeviceTokens } from '../auth/device-client.ts'
import { isLoopback, isSafeToAsk, parseUrl } from '../core/urls.ts'
import type { SignInOptions } from '../protocol/sign-in-api.ts'
import { CommandError } from './command-error.ts'
import type { LoginsByGateway } from './kept-logins.ts'
import { printable } from './printable.ts'

/** What a gateway names, once it was looked at. */
export interface Device extends DeviceClientOptions {
  /** What the gateway accepts. */
  audiences: readonly string[]
}

/** Throws CommandError for what is not asked: a gateway may be anybody's, and what it names decides whom the person is about to type a password for. */
export function checkDevice(origin: string, device: SignInOptions['device']): Device {
  if (device === undefined) {
    throw new CommandError(
      `The gateway ${origin} lets no program sign in by itself: auth.oidc.device is not in its configuration. Ask whoever runs it, or take a token of your identity provider; on the gateway's own machine \`hatchway token\` makes one, if it accepts those.`,
    )
  }
  const { resource, ...rest } = device
  const { issuer, clientId, scopes, audiences } = rest
  const url = parseUrl(issuer)
  const isPlain = [issuer, clientId, resource ?? '', ...scopes, ...audiences].every(
    (text) => printable(text) === text,
  )
  const isOurs = isLoopback(parseUrl(origin)?.hostname ?? '')
  if (url === undefined || !isSafeToAsk(issuer) || !isPlain || (isLoopback(url.hostname) && !isOurs)) {
    throw new CommandError(
      `The gateway ${origin} names an identity provider that is not asked: ${printable(issuer)}. It must have an https address. Tell whoever runs the gateway.`,
    )
  }
  return { ...rest, ...(resource !== undefined && { resource }) }
}

/** Throws CommandError where a gateway names another provider than at the last sign-in. */
export function checkSameProvider(origin: string, { issuer }: Device, logins: LoginsByGateway): void {
  const before = logins.get(origin)
  if (before === undefined || before.issuer === issuer) return
  throw new CommandError(
    `The gateway ${origin} now names another identity provider, ${issuer}, than when you signed in last, ${printable(before.issuer)}. Ask whoever runs it whether that is right; if so, first: hatchway logout --gateway ${origin}`,
  )
}

/** Throws CommandError for tokens that this gateway cannot accept, with what to change. */
export function checkAudience(
  origin: string,
  { issuer, audiences, resource }: Device,
  tokens: DeviceTokens,
): void {
  const how =
    resource === undefined ? 'Set auth.oidc.device.resource' : 'Look at auth.oidc.device.resource and scopes'
  if (tokens.audiences === undefined) {
    throw new CommandError(
      `${issuer} gave an access token that only itself can read (no JWT), so no gateway can check it. ${how} in the configuration of ${origin}.`,
    )
  }
  if (tokens.audiences.some((audience) => audiences.includes(audience))) return
  const given = tokens.audiences.map(printable).join(', ') || 'nobody'
  throw new CommandError(
    `The access token of ${issuer} is for ${given}, and ${origin} accepts those for ${audiences.join(' or ')}. ${how} in the configuration of ${origin}, or the audience at the provider.`,
  )
}
