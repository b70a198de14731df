import { readFile, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import type { Cluster, KubeConfig, User } from '@kubernetes/client-node'
import { HatchwayError, messageOf } from '../../../core/errors.ts'
import type { ExecPlugin } from './exec-plugin.ts'

/** Where a cluster's address and the gateway's credentials for it come from. */
export type ClusterSource =
  /** Several files are read as `KUBECONFIG` lists them: the first one that has a name wins. */
  | { kind: 'kubeconfig'; paths: readonly string[]; context?: string }
  /** A pod's own service account: `directory` holds `ca.crt` and `token`. */
  | { kind: 'service-account'; server: string; directory: string }

/** One cluster and one user of it, as the files say. */
export interface ClusterAccount {
  /** Reads certificates and token files, and refreshes OIDC tokens. */
  config: KubeConfig
  cluster: Cluster
  user: string
  /** Runs outside of `config`, which lets a plugin run without an end. */
  plugin?: ExecPlugin
  /** Read at each use: `config` knows it under another name than kubectl does, and reads it only once. */
  tokenFile?: string
  /** The kubeconfig's own impersonation, for which `config` knows no groups. */
  groups: readonly string[]
  /** An OIDC login lives on in memory alone: the file may hold a refresh token that has been used. */
  keepsLogin: boolean
  /** Where relative paths of the kubeconfig start. */
  directory: string
}

interface UserFields {
  tokenFile?: string
  'as-groups'?: string[]
}

/** Reads the files. Throws HatchwayError `backend_unavailable` that says which file, what is wrong, and what there is instead. */
export async function loadAccount(environment: string, source: ClusterSource): Promise<ClusterAccount> {
  // 300 ms and 70 MB: only a gateway with a cluster pays for it.
  const { KubeConfig, loadYaml } = await import('@kubernetes/client-node')
  const config = new KubeConfig()
  if (source.kind === 'service-account') {
    const { server, directory } = source
    const cluster = { name: environment, server, caFile: resolve(directory, 'ca.crt'), skipTLSVerify: false }
    config.loadFromClusterAndUser(cluster, { name: 'service account' })
    const tokenFile = resolve(directory, 'token')
    return { config, cluster, user: 'service account', tokenFile, groups: [], keepsLogin: false, directory }
  }
  const files = source.paths.join(', ')
  const fields = new Map<string, UserFields & { directory: string }>()
  for (const path of source.paths) {
    const one = new KubeConfig()
    try {
      const text = await readFile(path, 'utf8')
      const { users } = loadYaml<{ users?: { name: string; user?: UserFields }[] } | null>(text) ?? {}
      one.loadFromString(text)
      one.makePathsAbsolute(dirname(path))
      for (const { name, user } of users ?? []) {
        if (!fields.has(name)) fields.set(name, { ...user, directory: dirname(path) })
      }
    } catch (cause) {
      // Below the first line the parser shows the lines around the mistake: a token is often among them.
      const [why] = messageOf(cause).split('\n', 1)
      throw problem(
        `The kubeconfig ${path} of ${environment} cannot be read: ${why}. See the path, and whether the gateway's user may read it.`,
      )
    }
    merge(config, one)
  }
  if (source.context !== undefined) config.setCurrentContext(source.context)
  return toAccount(config, fields, `The kubeconfig ${files} of ${environment}`)
}

/** Changes when one of the source's files does. */
export async function stampOf(source: ClusterSource): Promise<string> {
  if (source.kind === 'service-account') return ''
  const stamps = source.paths.map(async (path) => {
    const found = await stat(path).catch(() => undefined)
    return found === undefined ? 'missing' : `${found.ino}:${found.size}:${found.mtimeMs}`
  })
  return (await Promise.all(stamps)).join(' ')
}

function merge(into: KubeConfig, from: KubeConfig): void {
  const added = <T extends { name: string }>(have: T[], more: T[]) => {
    const names = new Set(have.map(({ name }) => name))
    return [...have, ...more.filter(({ name }) => !names.has(name))]
  }
  into.clusters = added(into.clusters, from.clusters)
  into.users = added(into.users, from.users)
  into.contexts = added(into.contexts, from.contexts)
  into.currentContext ||= from.currentContext
}

function toAccount(
  config: KubeConfig,
  fields: ReadonlyMap<string, UserFields & { directory: string }>,
  where: string,
): ClusterAccount {
  const { currentContext } = config
  const names = config.contexts.map(({ name }) => name).join(', ') || 'none'
  if (!currentContext) {
    throw problem(
      `${where} has no current context. Name one in Hatchway's configuration (context); it has: ${names}.`,
    )
  }
  if (config.getContextObject(currentContext) === null) {
    throw problem(`${where} has no context named ${currentContext}. It has: ${names}.`)
  }
  const cluster = config.getCurrentCluster()
  const user = config.getCurrentUser()
  if (cluster === null || user === null) {
    const missing = cluster === null ? 'cluster' : 'user'
    throw problem(
      `${where} lacks the ${missing} that its context ${currentContext} names. Add it to the file.`,
    )
  }
  const { directory, tokenFile, 'as-groups': groups = [] } = fields.get(user.name) ?? { directory: '/' }
  config.users = [{ ...user, exec: undefined }]
  return {
    config,
    cluster,
    user: user.name,
    ...(user.exec && { plugin: user.exec as ExecPlugin }),
    ...(tokenFile !== undefined && !user.token && { tokenFile: resolve(directory, tokenFile) }),
    groups,
    keepsLogin: (user as User & { authProvider?: { name?: string } }).authProvider?.name === 'oidc',
    directory,
  }
}

function problem(words: string): HatchwayError {
  return new HatchwayError('backend_unavailable', words)
}
