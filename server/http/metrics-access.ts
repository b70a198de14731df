import { createHash, timingSafeEqual } from 'node:crypto'
import { isIP } from 'node:net'
import type { FastifyRequest } from 'fastify'
import { HatchwayError } from '../core/errors.ts'

/**
 * Who may read `/metrics`: with a configured token its bearer, else programs on this machine. A proxy on this machine is none of
 * them, and neither is a page whose name was rebound to this address: both would let in whoever uses them.
 * Throws `unauthenticated` or `forbidden`.
 */
export function checkMetricsAccess(request: FastifyRequest, token: string | undefined): void {
  if (token === undefined) {
    if (isLoopback(request.ip) && isOwnName(request.headers.host) && !isForwarded(request)) return
    throw new HatchwayError(
      'forbidden',
      'Metrics are for this machine only. Set metrics.token to read them from elsewhere.',
    )
  }
  const given = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? ''
  if (!timingSafeEqual(digest(given), digest(token))) {
    throw new HatchwayError('unauthenticated', 'Metrics need the configured metrics.token as a bearer token.')
  }
}

function isLoopback(address: string): boolean {
  return address === '::1' || /^(::ffff:)?127\./.test(address)
}

/** What a program on this machine calls it by. */
function isOwnName(host = ''): boolean {
  const name = (URL.parse(`http://${host}`)?.hostname ?? '').replaceAll(/[[\]]/g, '')
  return name === 'localhost' || (isIP(name) !== 0 && isLoopback(name))
}

function isForwarded({ headers }: FastifyRequest): boolean {
  return headers['x-forwarded-for'] !== undefined || headers['forwarded'] !== undefined
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
