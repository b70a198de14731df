import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Agent } from 'node:http'
import type { AgentOptions, RequestOptions } from 'node:https'
import { HatchwayError, messageOf } from '../../../core/errors.ts'
import { loadAccount, stampOf, type ClusterAccount, type ClusterSource } from './config.ts'
import { runExecPlugin, type ExecCredential } from './exec-plugin.ts'

type Headers = Record<string, string | string[]>
type TlsOptions = Pick<AgentOptions, 'ca' | 'cert' | 'key' | 'servername' | 'rejectUnauthorized'>

/** What a request to the cluster needs now. Holds secrets. */
export interface ClusterCredential {
  /** Its path is what everything is below, as proxies in front of several clusters have it. */
  server: URL
  tls: TlsOptions
  /** `Authorization`, and the kubeconfig's own impersonation. */
  headers: Readonly<Headers>
  /** Makes an agent that goes through the cluster's proxy-url; absent without one. */
  proxied?: () => Promise<Agent>
  /** The same for credentials that can share connections. */
  connection: string
}

/** Files are looked at again after this long, so a rotated token is in use long before the old one ends. */
const freshForMs = 20_000

/**
 * The gateway's credentials for one cluster, always fresh: token, certificate and kubeconfig files are read again, exec plugins
 * run again when their credential ends, OIDC tokens are refreshed.
 */
export class ClusterCredentials {
  readonly #environment: string
  readonly #source: ClusterSource
  #account: { stamp: string; loaded: ClusterAccount } | undefined
  #plugin: ExecCredential | undefined
  #current: { at: number; credential: Promise<ClusterCredential> } | undefined

  constructor(environment: string, source: ClusterSource) {
    this.#environment = environment
    this.#source = source
  }

  /** Throws HatchwayError `backend_unavailable`. Takes at most as long as a plugin may: 30 s. */
  async get(): Promise<ClusterCredential> {
    const current = this.#current
    if (current !== undefined && Date.now() - current.at < freshForMs) return await current.credential
    const credential = this.#build()
    const asked = { at: Date.now(), credential }
    this.#current = asked
    // A failure is told to those who asked, and not kept.
    credential.catch(() => {
      if (this.#current === asked) this.#current = undefined
    })
    return await credential
  }

  /** After a 401: the next `get` reads and asks for everything again, unless that has happened since `refused` was given. */
  async renew(refused: ClusterCredential): Promise<void> {
    const current = await this.#current?.credential.catch(() => undefined)
    if (current !== undefined && current !== refused) return
    this.#current = undefined
    this.#plugin = undefined
    if (this.#account?.loaded.keepsLogin !== true) this.#account = undefined
  }

  async #build(): Promise<ClusterCredential> {
    const account = await this.#load()
    const { config, cluster, tokenFile, groups } = account
    try {
      const options: RequestOptions & { headers: Headers } = { headers: {} }
      const server = new URL(cluster.server)
      await config.applyToHTTPSOptions(options)
      if (typeof options.auth === 'string')
        options.headers['Authorization'] = `Basic ${Buffer.from(options.auth).toString('base64')}`
      if (tokenFile !== undefined)
        options.headers['Authorization'] = `Bearer ${await readFile(tokenFile, 'utf8')}`
      if (groups.length > 0) options.headers['Impersonate-Group'] = [...groups]
      if (account.plugin !== undefined) await this.#applyPlugin(account, options)
      const headers = Object.fromEntries(
        // Editors end a token file with a line end, which no header may hold.
        Object.entries(options.headers).map(([name, value]) => [
          name,
          typeof value === 'string' ? value.trim() : value,
        ]),
      )
      const tls = tlsOf(options)
      const { proxyUrl } = cluster
      const connection = fingerprint([server.origin, proxyUrl, ...Object.values(tls).map(String)])
      const proxied = async () => await proxyAgent(account, tls)
      return { server, tls, headers, connection, ...(proxyUrl && { proxied }) }
    } catch (cause) {
      if (cause instanceof HatchwayError) throw cause
      const provider = config.getCurrentUser()?.authProvider?.name
      // Neither as the words nor as the cause: what such a provider throws quotes its command line, or the token that it was given.
      if (provider !== undefined && provider !== 'oidc') throw obsolete(provider, this.#environment)
      const words = `The gateway's credentials for ${this.#environment} cannot be had: ${messageOf(cause)}. See the user ${account.user} of its kubeconfig.`
      throw new HatchwayError('backend_unavailable', words, { cause })
    }
  }

  async #load(): Promise<ClusterAccount> {
    const stamp = await stampOf(this.#source)
    if (this.#account?.stamp === stamp) return this.#account.loaded
    const loaded = await loadAccount(this.#environment, this.#source)
    this.#account = { stamp, loaded }
    this.#plugin = undefined
    return loaded
  }

  async #applyPlugin(account: ClusterAccount, options: RequestOptions & { headers: Headers }): Promise<void> {
    const { plugin, cluster, directory } = account
    if (plugin === undefined) return
    const end = this.#plugin?.expirationTimestamp
    // Not to the last second: the request that carries it takes its time.
    const ended = end !== undefined && Date.parse(end) - freshForMs < Date.now()
    if (this.#plugin === undefined || ended) {
      const { proxyUrl, tlsServerName, skipTLSVerify } = cluster
      const told = {
        server: cluster.server,
        ...(tlsServerName && { 'tls-server-name': tlsServerName }),
        ...(skipTLSVerify && { 'insecure-skip-tls-verify': true }),
        ...(options.ca && {
          'certificate-authority-data': Buffer.from(String(options.ca)).toString('base64'),
        }),
        ...(proxyUrl && { 'proxy-url': proxyUrl }),
      }
      this.#plugin = await runExecPlugin({ plugin, environment: this.#environment, directory, cluster: told })
    }
    const { token, clientCertificateData, clientKeyData } = this.#plugin
    if (clientCertificateData !== undefined) options.cert = clientCertificateData
    if (clientKeyData !== undefined) options.key = clientKeyData
    if (token !== undefined) options.headers['Authorization'] = `Bearer ${token}`
  }
}

function obsolete(provider: string, environment: string): HatchwayError {
  return new HatchwayError(
    'backend_unavailable',
    `The auth-provider ${provider} in the kubeconfig of ${environment} gave no credentials. kubectl has had none of that name since 1.26: use the exec plugin that took its place.`,
  )
}

function tlsOf({ ca, cert, key, servername, rejectUnauthorized }: RequestOptions): TlsOptions {
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(servername !== undefined && { servername }),
    ...(rejectUnauthorized !== undefined && { rejectUnauthorized }),
  }
}

/** KubeConfig knows HTTP and SOCKS proxies. A new one each time: it would give its first agent again, with the old certificate. */
async function proxyAgent({ cluster }: ClusterAccount, tls: TlsOptions): Promise<Agent> {
  const { KubeConfig } = await import('@kubernetes/client-node')
  const config = new KubeConfig()
  config.loadFromClusterAndUser(cluster, { name: 'proxied' })
  const options: RequestOptions = { ...tls }
  await config.applyToHTTPSOptions(options)
  const agent = options.agent as Agent & { keepAlive: boolean }
  agent.keepAlive = true
  return agent
}

function fingerprint(parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64')
}
