import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse, stringify } from 'yaml'
import type { Problem } from '../../server/protocol/api.ts'
import type { Session } from '../../server/protocol/session-api.ts'
import type { TestCluster } from './cluster.ts'
import type { PolicyRule } from './cluster-namespace.ts'
import { eventually } from './eventually.ts'
import type { TestGateway } from './gateway.ts'
import { manifestsOf } from './helm.ts'

const folder = fileURLToPath(new URL('../../deploy/kubernetes', import.meta.url))

/** The rules of the role of this name in a file of deploy/kubernetes: what is shipped is what is tested. */
export async function shippedRules(file: string, role: string): Promise<readonly PolicyRule[]> {
  const found = manifestsOf(await readFile(join(folder, file), 'utf8')).find(
    ({ kind, metadata }) => /^(Cluster)?Role$/.test(kind) && metadata.name === role,
  )
  if (found === undefined) throw new Error(`${file} has no role ${role}`)
  return found['rules'] as PolicyRule[]
}

/** The same rules with one verb on one resource less. Throws when they don't have it. */
export function withoutVerb(rules: readonly PolicyRule[], resource: string, verb: string): PolicyRule[] {
  const left = rules.flatMap((rule) => {
    if (!rule.resources.includes(resource) || !rule.verbs.includes(verb)) return [rule]
    const others = rule.resources.filter((each) => each !== resource)
    const verbs = rule.verbs.filter((each) => each !== verb)
    return [
      ...(others.length > 0 ? [{ ...rule, resources: others }] : []),
      ...(verbs.length > 0 ? [{ ...rule, resources: [resource], verbs }] : []),
    ]
  })
  if (JSON.stringify(left) === JSON.stringify(rules)) throw new Error(`no rule gives ${verb} on ${resource}`)
  return left
}

/** Each right that they give, as `get pods`. */
export function rightsIn(rules: readonly PolicyRule[]): Set<string> {
  const rights = rules.flatMap(({ resources, verbs }) =>
    resources.flatMap((resource) => verbs.map((verb) => `${verb} ${resource}`)),
  )
  return new Set(rights)
}

/** What comes of opening: the session once it is up or over, or the words of the refusal. */
export async function startOrRefusal(
  gateway: TestGateway,
  target: string,
  token: string,
): Promise<Session | string> {
  const response = await fetch(`${gateway.url}/api/v1/sessions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ target }),
  })
  if (!response.ok) {
    const { code, detail } = (await response.json()) as Problem
    return `${code}: ${detail}`
  }
  const { id } = (await response.json()) as Session
  return await eventually(
    async () => {
      const session = await gateway.api<Session>('GET', `/sessions/${id}`)
      return session.state !== 'starting' && session
    },
    { what: 'the end of the start', timeoutMs: 60_000 },
  )
}

/** Writes a kubeconfig for whoever has this token, and gives its path. */
export async function writeKubeconfig(
  cluster: TestCluster,
  directory: string,
  name: string,
  token: string,
): Promise<string> {
  const admin = parse(await readFile(cluster.kubeconfig, 'utf8')) as { clusters: { cluster: object }[] }
  const path = join(directory, `${name}.kubeconfig`)
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'cluster', cluster: admin.clusters[0]?.cluster }],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: 'cluster', user: name } }],
    'current-context': name,
  }
  await writeFile(path, stringify(config), { mode: 0o600 })
  return path
}
