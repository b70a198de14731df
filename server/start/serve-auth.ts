import type { Logger } from 'pino'
import { createLocalIssuer } from '../auth/local-issuer.ts'
import { createLogins } from '../auth/logins.ts'
import { createOidc, type Oidc } from '../auth/oidc.ts'
import { createOneTimeCodes } from '../auth/one-time-link.ts'
import { createSealedBox } from '../auth/sealed-box.ts'
import { createTokenVerifier } from '../auth/verify-token.ts'
import { createWsTickets } from '../auth/ws-tickets.ts'
import { localIssuer, type Config } from '../config/config.ts'
import { HatchwayError } from '../core/errors.ts'
import type { Principal } from '../core/policy.ts'
import type { AuditTrail } from '../core/audit-trail.ts'
import type { Auth, DeviceSignInOptions } from '../core/authentication.ts'
import { withoutUndefined } from '../core/without-undefined.ts'
import type { GetOrCreateSecret } from '../core/secrets.ts'
import type { Store } from '../core/store.ts'

const localLoginSeconds = 12 * 3600

interface AuthParts {
  store: Store
  audit: AuditTrail
  secrets: GetOrCreateSecret
  logger: Logger
  /** An identity provider has described somebody anew: their groups may have changed. */
  onRenewed: (who: Principal) => void
}

/** Everything that says who is who. `signInCode` is there when the one-time link may be used. */
export async function createGatewayAuth(
  config: Config,
  parts: AuthParts,
): Promise<{ auth: Auth; signInCode?: string }> {
  const { issuers, localTokens, clockSkewSeconds, localUser } = config.auth
  const local = localTokens
    ? await createLocalIssuer({ getOrCreateSecret: parts.secrets, ...localIssuer })
    : undefined
  const accepted = local === undefined ? issuers : [...issuers, local.issuerOptions]
  const verifier = createTokenVerifier(accepted, { clockSkewSeconds })
  const codes = createOneTimeCodes()
  const redeemLink = (code: string): Principal => {
    if (!codes.redeem(code)) {
      const detail = 'This sign-in link was used already or is too old. Restart the gateway to get a new one.'
      throw new HatchwayError('unauthenticated', detail)
    }
    const expiresAt = new Date(Date.now() + localLoginSeconds * 1000)
    return { ...localUser, issuer: localIssuer.issuer, expiresAt }
  }
  const provider = await createProvider(config, parts)
  const device = describeDevice(config)
  const auth: Auth = withoutUndefined({
    verifyToken: (token: string) => verifier.verify(token),
    tickets: createWsTickets(),
    logins: createLogins(parts.store, provider),
    provider,
    device,
  })
  return local === undefined ? { auth } : { auth: { ...auth, redeemLink }, signInCode: codes.mint().code }
}

async function createProvider(
  { auth: { oidc, clockSkewSeconds } }: Config,
  { store, audit, secrets, logger, onRenewed }: AuthParts,
): Promise<Oidc | undefined> {
  if (oidc === undefined) return undefined
  const box = await createSealedBox(secrets)
  const onProblem = (what: string, cause: unknown) => logger.warn({ err: cause }, what)
  const provider = createOidc({ options: oidc, clockSkewSeconds, box, store, audit, onProblem, onRenewed })
  provider.warmUp()
  return provider
}

function describeDevice({ auth: { oidc, issuers } }: Config): DeviceSignInOptions | undefined {
  if (oidc?.device === undefined) return undefined
  const { issuer, device } = oidc
  const audiences = issuers.find((each) => each.issuer === issuer)?.audience ?? []
  return { issuer, ...device, audiences }
}
