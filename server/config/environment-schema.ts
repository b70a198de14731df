import { z } from 'zod'
import { fileText, flag, list, path, section, text, unique, type ConfigSource } from './fields.ts'
import type { ClusterSource } from '../drivers/kubernetes/api/config.ts'
import { isLoopback, parseUrl } from '../core/urls.ts'

/** How a Docker engine is reached. PEM texts, not paths. */
export type DockerEngine =
  | { kind: 'socket'; path: string }
  | { kind: 'tcp'; host: string; port: number; tls?: { ca: string; cert: string; key: string } }

export interface DockerEnvironment {
  id: string
  kind: 'docker'
  engine: DockerEngine
}

export interface KubernetesEnvironment {
  id: string
  kind: 'kubernetes'
  source: ClusterSource
  /** Act as the person who is signed in. */
  impersonate: boolean
  /** Only these groups are passed on, `*` standing for any text. Absent: all. */
  impersonatedGroups?: readonly string[]
  /** Absent: all. */
  namespaces?: readonly string[]
}

export type Environment = DockerEnvironment | KubernetesEnvironment

const environmentId = () =>
  text(63)
    .regex(/^[a-z0-9][a-z0-9-]*$/, 'must consist of small letters, digits and dashes')
    .describe('Name of the environment: the first part of every target reference.')

const hostForm = 'must look like tcp://10.0.0.5:2376'

const docker = (source: ConfigSource) =>
  section({
    id: environmentId(),
    kind: z.literal('docker').describe('A Docker host, by `socket` or by `host`.'),
    socket: path(source).optional().describe("Path of the engine's socket."),
    host: text(500)
      .regex(/^tcp:\/\/(\[[0-9a-fA-F:.]+\]|[a-zA-Z0-9.-]+):\d{1,5}$/, hostForm)
      .refine((value) => parseUrl(value) !== undefined, hostForm)
      .optional()
      .describe('Address of the engine, such as `tcp://10.0.0.5:2376`.'),
    tls: section({
      ca: fileText(source).describe("File with the authority that signed the engine's certificate (PEM)."),
      cert: fileText(source).describe('File with the client certificate (PEM).'),
      key: fileText(source).describe('File with its private key (PEM).'),
    })
      .optional()
      .describe('Needed for `host`, unless it is a loopback address.'),
    insecure: flag()
      .default(false)
      .describe('Allow `host` without `tls`: whoever reaches that address is root on the machine behind it.'),
  }).superRefine((value, context) => {
    const complain = (key: string, message: string) =>
      context.addIssue({ code: 'custom', path: [key], message })
    if ((value.socket === undefined) === (value.host === undefined))
      context.addIssue('needs either socket or host')
    if (value.socket !== undefined && value.tls !== undefined)
      complain('tls', 'goes with host, not with socket')
    const host = value.host === undefined ? undefined : parseUrl(value.host)?.hostname
    if (host !== undefined && value.tls === undefined && !value.insecure && !isLoopback(host)) {
      complain(
        'host',
        'needs tls (or insecure: true): whoever reaches a Docker engine is root on its machine',
      )
    }
  })

const label = () =>
  text(63).regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/, 'must consist of small letters, digits and dashes')

const kubernetes = (source: ConfigSource) =>
  section({
    id: environmentId(),
    kind: z
      .literal('kubernetes')
      .describe(
        "A cluster, by `kubeconfig`; without it the gateway's own cluster, by the service account of its pod.",
      ),
    kubeconfig: path(source)
      .optional()
      .describe('Path of a kubeconfig. Read again when it changes, as are the files that it names.'),
    context: text().optional().describe('Context of it. Default: its current one.'),
    impersonate: z
      .union(
        [
          flag(),
          section({
            groups: list(text()).describe('Groups that are passed on; `*` stands for any text.'),
          }),
        ],
        { error: 'must be true, false or a map with groups' },
      )
      .default(false)
      .describe(
        "Act as the person who is signed in, so that the cluster's RBAC decides and its audit log names the person. `{groups: [sre-*]}` passes on only these groups of theirs, for a gateway that may impersonate certain groups only.",
      ),
    namespaces: list(label())
      .min(1, 'must name at least one')
      .optional()
      .describe('Only these: then a Role in each of them is all that the gateway needs. Default: all.'),
  }).superRefine((value, context) => {
    if (value.kubeconfig !== undefined) return
    if (value.context !== undefined)
      context.addIssue({ code: 'custom', path: ['context'], message: 'goes with kubeconfig' })
    else if (!source.env['KUBERNETES_SERVICE_HOST'])
      context.addIssue('needs kubeconfig: only in a pod of the cluster does its service account do')
  })

/** What can be debugged. */
export const environmentsSchema = (source: ConfigSource) =>
  list(
    z.discriminatedUnion('kind', [docker(source), kubernetes(source)], {
      error: 'must be a map with kind: docker or kind: kubernetes',
    }),
  )
    .min(1, 'must name at least one')
    .superRefine(unique('id'))

type Parsed = z.infer<ReturnType<typeof environmentsSchema>>[number]

/** Where every pod finds its own: kubernetes.io, tasks/run-application/access-api-from-pod. */
const serviceAccount = '/var/run/secrets/kubernetes.io/serviceaccount'

/** What {@link environmentsSchema} has read, as the drivers take it. */
export function toEnvironment(environment: Parsed, env: ConfigSource['env']): Environment {
  if (environment.kind === 'kubernetes') return toCluster(environment, env)
  const { id, kind, socket, host, tls } = environment
  if (host === undefined) return { id, kind, engine: { kind: 'socket', path: socket ?? '' } }
  const { hostname, port } = new URL(host)
  const bare = hostname.replace(/^\[|\]$/g, '')
  return {
    id,
    kind,
    engine: { kind: 'tcp', host: bare, port: Number(port), ...(tls !== undefined && { tls }) },
  }
}

function toCluster(
  cluster: Parsed & { kind: 'kubernetes' },
  env: ConfigSource['env'],
): KubernetesEnvironment {
  const { id, kind, kubeconfig, context, impersonate, namespaces } = cluster
  const { KUBERNETES_SERVICE_HOST: host = '', KUBERNETES_SERVICE_PORT: port = '443' } = env
  const own = `https://${host.includes(':') ? `[${host}]` : host}:${port}`
  return {
    id,
    kind,
    source:
      kubeconfig === undefined
        ? { kind: 'service-account', server: own, directory: serviceAccount }
        : { kind: 'kubeconfig', paths: [kubeconfig], ...(context !== undefined && { context }) },
    impersonate: impersonate !== false,
    ...(typeof impersonate === 'object' && { impersonatedGroups: impersonate.groups }),
    ...(namespaces !== undefined && { namespaces }),
  }
}
