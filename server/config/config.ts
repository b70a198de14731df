import { readFileSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { OidcOptions } from '../auth/oidc-options.ts'
import type { IssuerOptions } from '../auth/verify-token.ts'
import { createConfigSchema } from './config-schema.ts'
import { toEnvironment, type Environment } from './environment-schema.ts'
import { namesOfProvider, peopleOf } from './same-people.ts'
import { localEngine, localKubeconfig, localUser } from './local.ts'
import { ConfigError } from '../core/config-error.ts'
import { messageOf } from '../core/errors.ts'
import type { Runbook } from '../core/runbook.ts'
import type { Toolbox } from '../core/debug-container.ts'
import type { Webhook } from '../notifications/webhooks.ts'
import { readYaml } from '../policy/read-yaml.ts'
import type { Where } from '../policy/rule.ts'

/** The whole configuration, checked, with defaults filled in and secrets read. Frozen; paths are absolute. */
export interface Config {
  /** The file it came from; absent for the start without one. */
  readonly file?: string
  readonly listen: { host: string; port: number }
  /** An origin, without a slash at the end. Absent: the loopback address that the gateway listens on. */
  readonly publicUrl?: string
  readonly dataDir: string
  readonly auth: {
    readonly issuers: readonly IssuerOptions[]
    /** The provider that signs browsers in. */
    readonly oidc?: OidcOptions
    /** Tokens of the installation's own key and the one-time sign-in link. */
    readonly localTokens: boolean
    readonly clockSkewSeconds: number
    /** Whom the one-time link signs in. */
    readonly localUser: { subject: string; name: string; groups: readonly string[] }
  }
  readonly environments: readonly Environment[]
  readonly toolboxes: readonly Toolbox[]
  /** Path of the policy file. Absent: everything is allowed to whoever signs in. */
  readonly policy?: string
  /** In the order in which they are shown. */
  readonly runbooks: readonly (Runbook & { where: Where })[]
  readonly limits: {
    sessionsPerUser: number
    sessions: number
    detachedGraceMs: number
    reattachMs: number
    openingsPerMinute: number
    runsPerMinute: number
  }
  /** How long a request for an approval waits. */
  readonly approvals: { expiresAfterMs: number }
  /** Who is told that people wait for an approval. */
  readonly notifications: readonly Webhook[]
  /** `maxBytes` of one recording; `minFree`, in bytes, of each disk. */
  readonly recordings: { maxBytes: number; minFree: number }
  readonly sidecar: { memoryBytes: number; cpus: number; pids: number }
  readonly trustProxy: readonly string[]
  readonly logLevel: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace'
  readonly metrics: { token?: string }
}

/** What the gateway and `hatchway token` call the installation's own issuer. */
export const localIssuer = { issuer: 'urn:hatchway:local', audience: 'hatchway' } as const

type Env = Readonly<Record<string, string | undefined>>
const maxConfigBytes = 1024 * 1024

/** Reads a configuration file. Throws ConfigError with every problem and its line. */
export function loadConfig({ path, env }: { path: string; env: Env }): Config {
  const file = resolve(path)
  let source: string
  try {
    if (statSync(file).size > maxConfigBytes) throw new Error('it is larger than 1 MiB')
    source = readFileSync(file, 'utf8')
  } catch (cause) {
    throw new ConfigError(path, [{ path: '', message: `cannot be read: ${messageOf(cause)}` }])
  }
  const value = readYaml(path, source, createConfigSchema({ directory: dirname(file), env }))
  return toConfig(value, { file, environments: value.environments.map((one) => toEnvironment(one, env)) })
}

/**
 * The configuration when there is no file: loopback only, the local Docker engine, the kubeconfig's current context if there
 * is one, one local user who may do everything. `HATCHWAY_PORT`, `DOCKER_HOST` and `KUBECONFIG` are honoured. Throws ConfigError when one of them can't be used.
 */
export function localConfig({ env, directory }: { env: Env; directory: string }): Config {
  const port = env['HATCHWAY_PORT'] ?? '8080'
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) {
    throw new ConfigError('environment', [
      { path: 'HATCHWAY_PORT', message: 'must be a port from 0 to 65535' },
    ])
  }
  const defaults = createConfigSchema({ directory, env }).parse({
    listen: { port: Number(port) },
    // The terminal it runs in shows the sign-in link: a line for each request would push it away.
    logLevel: 'warn',
  })
  const source = localKubeconfig(env)
  const environments: Environment[] = [
    { id: 'local', kind: 'docker', engine: localEngine(env) },
    ...(source === undefined
      ? []
      : [{ id: 'kubernetes', kind: 'kubernetes', source, impersonate: false } as const]),
  ]
  return toConfig(defaults, { environments })
}

const secretKeys = new Set(['secret', 'clientSecret', 'password', 'token', 'key'])
const redactWebhooks = (hooks: readonly Webhook[]) => hooks.map((hook) => ({ ...hook, url: '[set]' }))

/** For the log: the same, with `[set]` in place of every secret. */
export function redactConfig(config: Config): unknown {
  const redact = (key: string, value: unknown) =>
    secretKeys.has(key) && typeof value === 'string' ? '[set]' : value
  // The address of a webhook is a secret of its own: whoever knows it may post there.
  const shown = { ...config, notifications: redactWebhooks(config.notifications) }
  return JSON.parse(JSON.stringify(shown, redact))
}

type Parsed = ReturnType<ReturnType<typeof createConfigSchema>['parse']>

function toConfig(parsed: Parsed, whole: Pick<Config, 'file' | 'environments'>): Config {
  const { auth, limits, recordings, sidecar, publicUrl, policy } = parsed
  return freeze({
    ...whole,
    listen: parsed.listen,
    ...(publicUrl !== undefined && { publicUrl }),
    dataDir: parsed.dataDir,
    auth: {
      issuers: auth.issuers.map((issuer) => toIssuer(issuer, auth)),
      ...(auth.oidc !== undefined && { oidc: toOidc(auth.oidc, auth) }),
      localTokens: auth.localTokens ?? (auth.issuers.length === 0 && auth.oidc === undefined),
      clockSkewSeconds: auth.clockSkew / 1000,
      localUser: localUser(),
    },
    toolboxes: parsed.toolboxes.map(({ registryAuth, ...toolbox }) => ({
      ...toolbox,
      ...(registryAuth !== undefined && { registryAuth }),
    })),
    ...(policy !== undefined && { policy }),
    runbooks: parsed.runbooks.map(toRunbook),
    limits: {
      sessionsPerUser: limits.sessionsPerUser,
      sessions: limits.sessions,
      detachedGraceMs: limits.detachedGrace,
      reattachMs: limits.reattach,
      openingsPerMinute: limits.openingsPerMinute,
      runsPerMinute: limits.runsPerMinute,
    },
    approvals: { expiresAfterMs: parsed.approvals.expiresAfter },
    notifications: parsed.notifications.map(({ url, kind, secret }) => ({
      url,
      kind,
      ...(secret !== undefined && { secret }),
    })),
    recordings: { maxBytes: recordings.maxSize, minFree: recordings.minFree },
    sidecar: { memoryBytes: sidecar.memory, cpus: sidecar.cpus, pids: sidecar.pids },
    trustProxy: parsed.trustProxy,
    logLevel: parsed.logLevel,
    metrics: parsed.metrics.token === undefined ? {} : { token: parsed.metrics.token },
  })
}

function toIssuer(issuer: Parsed['auth']['issuers'][number], auth: Parsed['auth']): IssuerOptions {
  const { jwksUri, jwks, secret, maxTokenAge } = issuer
  return {
    issuer: issuer.issuer,
    audience: issuer.audience,
    keys:
      secret !== undefined
        ? { kind: 'secret', secret }
        : jwks !== undefined
          ? { kind: 'jwksFile', path: jwks }
          : { kind: 'jwksUri', url: jwksUri ?? '' },
    claims: issuer.claims,
    prefix: issuer.prefix,
    ...(auth.samePeople && { people: peopleOf(issuer, auth) }),
    ...(maxTokenAge !== undefined && { maxTokenAgeSeconds: maxTokenAge / 1000 }),
  }
}

function toOidc(oidc: NonNullable<Parsed['auth']['oidc']>, auth: Parsed['auth']): OidcOptions {
  const { issuer, clientSecret, scopes, device } = oidc
  // One person is the same whether a browser or a program signs them in.
  const names = namesOfProvider({ issuers: auth.issuers, oidc })
  return {
    issuer,
    name: oidc.name ?? new URL(issuer).host,
    clientId: oidc.clientId,
    ...(clientSecret !== undefined && { clientSecret }),
    ...(scopes !== undefined && { scopes }),
    parameters: oidc.parameters,
    claims: names.claims,
    prefix: names.prefix,
    refreshEverySeconds: oidc.refreshEvery / 1000,
    maxSignInSeconds: oidc.maxSignIn / 1000,
    ...(device !== undefined && {
      device: {
        clientId: device.clientId,
        scopes: device.scopes,
        ...(device.resource !== undefined && { resource: device.resource }),
      },
    }),
  }
}

// zod types absent keys as `undefined`, and never sets them: the cast only says so.
function toRunbook({ where, ...rest }: Parsed['runbooks'][number]): Config['runbooks'][number] {
  return { ...rest, where: where ?? {} } as Config['runbooks'][number]
}

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) freeze(inner)
    Object.freeze(value)
  }
  return value
}
