/** Which origins are the gateway's own: the answer to cross-site requests and to DNS rebinding. */
import type { AddressInfo } from 'node:net'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { HatchwayError } from '../core/errors.ts'

export interface OwnOrigin {
  /** `Origin` header, as sent. */
  accepts(origin: string): boolean
  /** Throws `origin_refused` when the `Host` of the request is not the gateway's. */
  checkHost(request: FastifyRequest): void
  /** The origin that this request came to. Throws `origin_refused` when it is not the gateway's. */
  of(request: FastifyRequest): string
  /** Browsers reach the gateway by TLS. */
  readonly secure: boolean
}

export interface OriginOptions {
  /** Where browsers reach the gateway. Absent: loopback, without TLS. */
  publicUrl?: string
  listen: { host: string; port: number }
}

/** `publicUrl`'s origin; without one, loopback and the listening address at the port that really listens. */
export function createOwnOrigin(app: FastifyInstance, deps: OriginOptions): OwnOrigin {
  const fixed = deps.publicUrl === undefined ? undefined : new Set([new URL(deps.publicUrl).origin])
  let known: ReadonlySet<string> | undefined
  // The port is known only once it listens; 0 in the configuration means any.
  const origins = (): ReadonlySet<string> => {
    if (fixed !== undefined) return fixed
    const address = app.server.address() as AddressInfo | null
    if (address === null) return loopbackOrigins(deps.listen)
    known ??= loopbackOrigins({ host: deps.listen.host, port: address.port })
    return known
  }
  const of = (request: FastifyRequest): string => {
    const found = [...origins()].find((origin) => new URL(origin).host === request.host)
    if (found !== undefined) return found
    throw new HatchwayError(
      'origin_refused',
      `This gateway answers at ${[...origins()].join(', ')} only. Set publicUrl, or let the proxy pass the Host header on.`,
    )
  }
  return {
    secure: deps.publicUrl?.startsWith('https:') ?? false,
    accepts: (origin) => origins().has(origin),
    of,
    checkHost: of,
  }
}

function loopbackOrigins({ host, port }: { host: string; port: number }): ReadonlySet<string> {
  const hosts = ['127.0.0.1', 'localhost', '[::1]']
  if (!['0.0.0.0', '::'].includes(host)) hosts.push(host.includes(':') ? `[${host}]` : host)
  return new Set(hosts.map((name) => new URL(`http://${name}:${port}`).origin))
}
