import { HatchwayError, messageOf } from '../../../core/errors.ts'
import type { Actor } from '../../../core/driver.ts'

/** What the API server said: the HTTP status, and the fields of its `Status` object when there was one. */
export class KubernetesRefusal extends Error {
  override readonly name = 'KubernetesRefusal'
  readonly status: number
  /** Such as `Forbidden` or `Invalid`; absent when the body was no `Status`, as with the kubelet's plain texts. */
  readonly reason?: string
  readonly details?: unknown
  /** Seconds to wait, from `Retry-After`. */
  readonly retryAfter?: number

  constructor(status: number, body: string, retryAfter?: number) {
    const { message, reason, details } = readStatus(body)
    super(message ?? (body.trim().slice(0, 1000) || `HTTP status ${status}`))
    this.status = status
    if (reason !== undefined) this.reason = reason
    if (details !== undefined) this.details = details
    if (retryAfter !== undefined) this.retryAfter = retryAfter
  }
}

/** An answer, or one line of it, of which the gateway reads no more. */
export class AnswerTooLong extends Error {
  override readonly name = 'AnswerTooLong'

  constructor(mostBytes: number) {
    super(`it answered with more than ${mostBytes / 1024 / 1024} MiB`)
  }
}

/** Whether a thrown value is an {@link AnswerTooLong}, or has one as its cause: less has to be asked for at once. */
export function wasTooLong(cause: unknown): boolean {
  return (cause instanceof HatchwayError ? cause.cause : cause) instanceof AnswerTooLong
}

/** The refusal that a thrown value is, or has as its cause; undefined when the API server did not answer. */
export function refusalOf(cause: unknown): KubernetesRefusal | undefined {
  const error = cause instanceof HatchwayError ? cause.cause : cause
  return error instanceof KubernetesRefusal ? error : undefined
}

export interface CallContext {
  /** `add the debug container`. */
  doing: string
  environment: string
  /** Host and port of the API server; absent before the credentials are known. */
  server?: string
  /** The caller gave up. */
  cancelled: boolean
  /** Our own limit passed. */
  timedOut?: boolean
  /** As whom it was called, when that is not the gateway itself. */
  actor?: Actor
}

/** Turns whatever a call to a cluster threw into words that a user can act on. */
export function translateKubernetesError(cause: unknown, context: CallContext): HatchwayError {
  if (cause instanceof HatchwayError) return cause
  const { doing, environment } = context
  if (context.cancelled)
    return new HatchwayError('cancelled', `Cancelled while asking ${environment} to ${doing}.`)
  if (cause instanceof KubernetesRefusal) return refused(cause, context)
  if (cause instanceof AnswerTooLong) {
    return new HatchwayError(
      'backend_unavailable',
      `The API server of ${environment} was to ${doing}, and ${cause.message}: the gateway reads no more at once. See which objects are that large, and why: annotations and lists of managed fields are made smaller most easily.`,
      { cause },
    )
  }
  if (context.timedOut) {
    return new HatchwayError(
      'timeout',
      `The API server of ${environment} did not ${doing} in time. See whether it is overloaded or unreachable, then try again.`,
      { cause },
    )
  }
  return unreachable(cause, context)
}

function refused(refusal: KubernetesRefusal, context: CallContext): HatchwayError {
  const { doing, environment } = context
  const { status, message: words } = refusal
  const fail = (code: HatchwayError['code'], detail: string) =>
    new HatchwayError(code, detail, { cause: refusal })
  if (status === 401) {
    return fail(
      'backend_unavailable',
      `The API server of ${environment} does not accept the gateway's credentials (401). Renew the token or certificate of its kubeconfig or service account.`,
    )
  }
  if (status === 403) return forbidden(refusal, context)
  if (status === 404) return fail('not_found', `${environment} could not ${doing}: ${words}`)
  if (status === 429 || status === 502 || status === 503 || status === 504) {
    return fail(
      'backend_unavailable',
      `The API server of ${environment} is too busy or not ready to ${doing}: ${words}. Try again in a moment.`,
    )
  }
  // The API server reached no kubelet: `error dialing backend: dial tcp …`.
  if (/error dialing backend/i.test(words)) {
    return fail(
      'backend_unavailable',
      `${environment} could not ${doing}: the node's kubelet does not answer (${words}). See whether the node is ready.`,
    )
  }
  return fail('start_failed', `${environment} could not ${doing}: ${words}`)
}

// RBAC's own words: k8s.io/apiserver, pkg/endpoints/handlers/responsewriters/errors.go.
const rbacWords =
  /User "([^"]*)" cannot (\S+) (?:resource "([^"]*)"|path "([^"]*)")(?: in API group "([^"]*)")?(?: in the namespace "([^"]*)")?/

/** A right that RBAC does not give. */
export interface MissingRight {
  user: string
  verb: string
  /** `deployments of apps`, or a path. */
  what: string
  /** Absent for the whole cluster. */
  namespace: string | undefined
}

/** The right for whose lack a call was refused; undefined where it was refused for something else, or not at all. */
export function missingRight(cause: unknown): MissingRight | undefined {
  const refusal = refusalOf(cause)
  if (refusal?.status !== 403) return undefined
  const [, user, verb, resource, path, group, namespace] = rbacWords.exec(refusal.message) ?? []
  if (user === undefined || verb === undefined) return undefined
  const what = (resource === undefined ? path : group ? `${resource} of ${group}` : resource) ?? ''
  return { user, verb, what, namespace }
}

function forbidden(refusal: KubernetesRefusal, context: CallContext): HatchwayError {
  const { environment, doing, actor } = context
  const options = { cause: refusal }
  const missing = missingRight(refusal)
  if (missing !== undefined) {
    const { user, verb, what, namespace } = missing
    const place = namespace === undefined ? 'in the whole cluster' : `in the namespace ${namespace}`
    const who = user === actor?.subject ? `${user} (that is you)` : `${user} (the gateway's account)`
    const advice =
      verb === 'impersonate'
        ? "The gateway's account needs that right to act for its users: see the ClusterRole in docs/kubernetes.md."
        : "Ask the cluster's administrator for a role that allows it."
    return new HatchwayError(
      'backend_forbidden',
      `${environment} does not let ${who} ${verb} ${what} ${place}, which is needed to ${doing}. ${advice}`,
      options,
    )
  }
  // Since 1.35 a WebSocket to attach or exec needs `create` beside `get`; the refusal names nothing (kubernetes#134577).
  if (/is forbidden:\s*$/.test(refusal.message)) {
    const who = actor?.subject ?? "the gateway's account"
    return new HatchwayError(
      'backend_forbidden',
      `${environment} does not let ${who} ${doing}, and does not say why. Since Kubernetes 1.35 the verb create on pods/attach is needed beside get: ask the cluster's administrator for both.`,
      options,
    )
  }
  return new HatchwayError(
    'admission_refused',
    `${environment} refuses to ${doing}: ${refusal.message}`,
    options,
  )
}

const advice: Partial<Record<string, string>> = {
  ECONNREFUSED:
    'Nothing listens there: see that the API server runs and that the kubeconfig names the right address.',
  ENOTFOUND: "The host name is not known: see the server's address in the kubeconfig, and the gateway's DNS.",
  EAI_AGAIN: "The host name could not be looked up: see the gateway's DNS.",
  ECONNRESET: 'It closed the connection: it may be restarting. Try again in a moment.',
  EPIPE: 'It closed the connection: it may be restarting. Try again in a moment.',
  EHOSTUNREACH: 'There is no way to that host: see the network between the gateway and the cluster.',
  ENETUNREACH: 'There is no way to that network: see the network between the gateway and the cluster.',
  ETIMEDOUT: 'It does not answer: see whether a firewall is in the way.',
  DEPTH_ZERO_SELF_SIGNED_CERT:
    "Its certificate is signed by itself: give the kubeconfig the cluster's authority.",
  SELF_SIGNED_CERT_IN_CHAIN:
    "Its authority is not known: give the kubeconfig the cluster's own (certificate-authority).",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    "Its authority is not known: give the kubeconfig the cluster's own (certificate-authority).",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    "Its authority is not known: give the kubeconfig the cluster's own (certificate-authority).",
  ERR_TLS_CERT_ALTNAME_INVALID:
    'Its certificate is for another name: see the address, or set tls-server-name in the kubeconfig.',
  CERT_HAS_EXPIRED: 'Its certificate has expired: renew it.',
  CERT_SIGNATURE_FAILURE:
    "Its certificate is not signed by the authority of the kubeconfig: give the cluster's own.",
  EPROTO: 'It does not speak TLS: see whether the address in the kubeconfig should begin with http.',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED:
    'It asks for a client certificate: see the user in the kubeconfig.',
}

function unreachable(cause: unknown, context: CallContext): HatchwayError {
  const { environment, server } = context
  const code = codeOf(cause)
  const words =
    (code === undefined ? undefined : advice[code]) ??
    `${messageOf(cause)}. See that the API server runs and can be reached from the gateway.`
  const place = server === undefined ? '' : ` at ${server}`
  return new HatchwayError(
    'backend_unavailable',
    `The API server of ${environment}${place} cannot be reached. ${words}`,
    { cause },
  )
}

function codeOf(cause: unknown): string | undefined {
  // Several addresses were tried: Node wraps what each said (net.setDefaultAutoSelectFamily).
  const error: unknown = cause instanceof AggregateError ? cause.errors[0] : cause
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

function readStatus(body: string): { message?: string; reason?: string; details?: unknown } {
  try {
    const status: unknown = JSON.parse(body)
    if (typeof status !== 'object' || status === null || !('kind' in status) || status.kind !== 'Status')
      return {}
    const { message, reason, details } = status as { message?: string; reason?: string; details?: unknown }
    return {
      ...(typeof message === 'string' && message !== '' && { message }),
      ...(typeof reason === 'string' && reason !== '' && { reason }),
      ...(details !== undefined && { details }),
    }
  } catch {
    return {}
  }
}
