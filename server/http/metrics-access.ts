import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { HatchwayError } from '../core/errors.ts'

/**
 * Who may read `/metrics`: with a configured token its bearer, else callers on this machine.
 * Throws `unauthenticated` or `forbidden`.
 */
export function checkMetricsAccess(request: FastifyRequest, token: string | undefined): void {
  if (token === undefined) {
    if (isLoopback(request.ip)) return
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

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
