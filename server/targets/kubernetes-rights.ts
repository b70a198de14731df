import { HatchwayError } from '../core/errors.ts'
import type { Actor } from '../core/target.ts'
import type { KubernetesClient } from './kubernetes-client.ts'

interface Review {
  status?: { allowed?: boolean }
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
  const may = async (verb: string): Promise<boolean> => {
    const resourceAttributes = { namespace, verb, resource: 'pods', subresource: 'attach', name: pod }
    const { status } = await client.json<Review>({
      method: 'POST',
      repeatable: true,
      path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
      body: {
        kind: 'SelfSubjectAccessReview',
        apiVersion: 'authorization.k8s.io/v1',
        spec: { resourceAttributes },
      },
      actor,
      doing: 'ask whether attaching is allowed',
      signal,
    })
    return status?.allowed ?? true
  }
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
  const { status } = await client.json<Review>({
    method: 'POST',
    repeatable: true,
    path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
    body: {
      kind: 'SelfSubjectAccessReview',
      apiVersion: 'authorization.k8s.io/v1',
      spec: { resourceAttributes: { namespace, verb: 'delete', resource: 'pods' } },
    },
    doing: 'ask whether debug copies may be removed',
    signal,
  })
  if (status?.allowed !== false) return
  throw new HatchwayError(
    'backend_forbidden',
    `${client.environment} does not let the gateway's account delete pods in the namespace ${namespace}, which debug copies need: one would stay after its session. Ask the cluster's administrator for a role that allows it.`,
  )
}
