import { HatchwayError, messageOf, type ErrorCode } from '../core/errors.ts'

/** The parts of openid-client's errors that are looked at: the rest of them may hold tokens. */
interface OidcFailure {
  name?: unknown
  code?: unknown
  error?: unknown
  status?: unknown
  cause?: unknown
}

/** What the provider was handed at its token endpoint. */
export type Grant = 'code' | 'refresh token'

const operator = 'Tell whoever runs this gateway.'

/**
 * Says in plain words what went wrong between gateway and identity provider. Nothing of the failure itself becomes the
 * `cause`, which is logged: openid-client's errors carry answers, and those carry tokens.
 */
export function explainOidc(failure: unknown, issuer: string, grant: Grant = 'code'): HatchwayError {
  const known = findHatchwayError(failure)
  if (known !== undefined) return known
  const { name, code, error, status } = failure as OidcFailure
  if (name === 'AuthorizationResponseError') return explainRefusal(word(error), issuer)
  if (name === 'ResponseBodyError') {
    if (typeof status === 'number' && status >= 500) return unavailable(issuer, `it answered with ${status}`)
    return explainTokenRefusal(word(error), issuer, grant)
  }
  switch (code) {
    case 'OAUTH_TIMEOUT':
    case 'OAUTH_ABORT':
      return unavailable(issuer, 'it did not answer in time')
    case 'OAUTH_RESPONSE_IS_NOT_CONFORM':
      return unavailable(issuer, `it answered with ${statusOf(failure)}`)
    case 'OAUTH_RESPONSE_IS_NOT_JSON':
    case 'OAUTH_PARSE_ERROR':
      return unavailable(issuer, 'it answered with something that is not JSON')
    case 'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED':
      if (saidOf(failure).attribute === 'sub') return badAnswer(issuer, 'its userinfo is about somebody else')
      return say(
        'provider_refused',
        `What answers at ${issuer} calls itself by another name: auth.oidc.issuer must be exactly the provider's own issuer.`,
      )
    case 'OAUTH_JWT_TIMESTAMP_CHECK_FAILED':
      return clocksDiffer(issuer)
    default:
      return badAnswer(issuer, `${messageOf(failure)}${claimOf(failure)}`)
  }
}

export function unavailable(issuer: string, why: string): HatchwayError {
  return say(
    'provider_unavailable',
    `The identity provider ${issuer} cannot be used now: ${why}. Try again in a minute.`,
  )
}

export function clocksDiffer(issuer: string): HatchwayError {
  return say(
    'clocks_differ',
    `The times in the token of ${issuer} do not fit this gateway's clock. Set both clocks (NTP), then sign in again. ${operator}`,
  )
}

export function badAnswer(issuer: string, why: string): HatchwayError {
  return say(
    'provider_answer_invalid',
    `The answer of ${issuer} was not accepted: ${why}. Sign in again; if it stays so, ${operator.toLowerCase()}`,
  )
}

/** The provider describes itself in a way that nobody can sign in with. */
export function badMetadata(issuer: string, why: string): HatchwayError {
  return say(
    'provider_answer_invalid',
    `What ${issuer} publishes about itself (/.well-known/openid-configuration) cannot be used: ${why}. ${operator}`,
  )
}

/** The provider says no to the person, or did not know what the gateway asked for. */
function explainRefusal(error: string, issuer: string): HatchwayError {
  if (['access_denied', 'login_required', 'consent_required', 'interaction_required'].includes(error)) {
    const detail = `${issuer} did not let you in (${error}): you cancelled, or you may not use Hatchway. Ask whoever gives out accounts there.`
    return say('sign_in_denied', detail)
  }
  if (['temporarily_unavailable', 'server_error'].includes(error))
    return unavailable(issuer, `it says ${error}`)
  return refusedGateway(error, issuer)
}

function explainTokenRefusal(error: string, issuer: string, grant: Grant): HatchwayError {
  // RFC 6749, 5.2: for a code as for a refresh token.
  if (error !== 'invalid_grant') return refusedGateway(error, issuer)
  if (grant === 'refresh token') {
    const detail = `${issuer} no longer stands for this sign-in (${error}): it was ended there. Sign in again.`
    return say('sign_in_stale', detail)
  }
  return say(
    'sign_in_stale',
    `${issuer} did not accept the code of this sign-in: it was used before, is too old, or was given to somebody else. Sign in again.`,
  )
}

function refusedGateway(error: string, issuer: string): HatchwayError {
  return say(
    'provider_refused',
    `${issuer} refused the gateway's request (${error}): client id, secret, scopes or redirect address of this gateway do not fit what is registered there. ${operator}`,
  )
}

function say(code: ErrorCode, detail: string): HatchwayError {
  return new HatchwayError(code, detail)
}

function findHatchwayError(failure: unknown): HatchwayError | undefined {
  for (let cause = failure, depth = 0; cause instanceof Error && depth < 5; cause = cause.cause, depth++) {
    if (cause instanceof HatchwayError) return cause
  }
  return undefined
}

// RFC 6749, appendix A.7: what an error code may consist of, and no more of it than is needed.
function word(error: unknown): string {
  return typeof error === 'string' && /^[\w.-]{1,64}$/.test(error) ? error : 'without a known reason'
}

function statusOf(failure: unknown): string {
  const { cause } = failure as OidcFailure
  const status = (cause as { status?: unknown } | undefined)?.status
  return typeof status === 'number' ? String(status) : 'an unexpected status'
}

/** What openid-client says of a claim or an attribute that did not fit; it wraps the error of oauth4webapi that has it. */
function saidOf(failure: unknown): { claim?: unknown; attribute?: unknown } {
  const inner = ((failure as OidcFailure).cause as OidcFailure | undefined)?.cause
  return inner ?? {}
}

function claimOf(failure: unknown): string {
  const { claim } = saidOf(failure)
  return typeof claim === 'string' ? ` (${claim})` : ''
}
