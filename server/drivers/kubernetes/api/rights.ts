import { HatchwayError } from '../../../core/errors.ts'
import type { Actor } from '../../../core/driver.ts'
import type { KubernetesCall, KubernetesClient } from './client.ts'
import type { MissingRight } from './errors.ts'

interface Review {
  status?: { allowed?: boolean }
}

/** Whom it is asked for, without an actor the gateway's own account. What does not answer the question does not forbid. */
async function isAllowed(
  client: KubernetesClient,
  resourceAttributes: Readonly<Record<string, string>>,
  asked: Pick<KubernetesCall, 'actor' | 'doing' | 'signal'>,
): Promise<boolean> {
  const { status } = await client.json<Review>({
    method: 'POST',
    repeatable: true,
    path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
    body: {
      kind: 'SelfSubjectAccessReview',
      apiVersion: 'authorization.k8s.io/v1',
      spec: { resourceAttributes },
    },
    ...asked,
  })
  return status?.allowed ?? true
}

/**
 * Throws `backend_forbidden` when the actor may not attach: a dry run can't tell, and a debug container that nobody may
 * attach to would stay in the pod for good. Since 1.35 a WebSocket needs the verb create beside get (kubernetes#134577).
 */
export async function requireAttach(
  client: KubernetesClient,
  { namespace, pod, actor }: { namespace: string; pod: string; actor: Actor },
  minorVersion: Promise<number>,
  signal: AbortSignal,
): Promise<void> {
  const attach = { namespace, resource: 'pods', subresource: 'attach', name: pod }
  const may = (verb: string) =>
    isAllowed(client, { ...attach, verb }, { actor, doing: 'ask whether attaching is allowed', signal })
  const [get, create, minor] = await Promise.all([may('get'), may('create'), minorVersion])
  const missing = [...(get ? [] : ['get']), ...(create || minor < 35 ? [] : ['create'])]
  if (missing.length === 0) return
  const who = client.impersonates ? actor.subject : "the gateway's account"
  throw new HatchwayError(
    'backend_forbidden',
    `${client.environment} does not let ${who} ${missing.join(' or ')} pods/attach in the namespace ${namespace}, which a terminal needs. Ask the cluster's administrator for a role that allows it.`,
  )
}

/**
 * Throws `backend_forbidden` when the gateway's own account may not delete pods: a debug copy would stay after its session.
 */
export async function requireDelete(
  client: KubernetesClient,
  namespace: string,
  signal: AbortSignal,
): Promise<void> {
  const doing = 'ask whether debug copies may be removed'
  if (await isAllowed(client, { namespace, verb: 'delete', resource: 'pods' }, { doing, signal })) return
  throw new HatchwayError(
    'backend_forbidden',
    `${client.environment} does not let the gateway's account delete pods in the namespace ${namespace}, which debug copies need: one would stay after its session. Ask the cluster's administrator for a role that allows it.`,
  )
}

/** Many rights that are missing to list, as one line for each account and verb, and not as a paragraph for each right. Pure. */
export function missingInWords(environment: string, rights: readonly MissingRight[]): string[] {
  const lines = Map.groupBy(rights, ({ user, verb }) => `${user} ${verb}`)
  return [...lines.values()].map((missing) => {
    const { user = '', verb = '' } = missing[0] ?? {}
    const all = (of: (right: MissingRight) => string) => inList([...new Set(missing.map(of))])
    const isWhole = missing.some(({ namespace }) => namespace === undefined)
    const namespaces = all(({ namespace }) => namespace ?? '')
    const place = isWhole ? 'in the whole cluster' : `in ${namespaces}`
    return `${environment} does not let ${user} (the gateway's account) ${verb} ${all(({ what }) => what)} ${place}. Ask the cluster's administrator for the role in deploy/kubernetes/rbac.yaml.`
  })
}

function inList(words: readonly string[]): string {
  return new Intl.ListFormat('en').format(words)
}
