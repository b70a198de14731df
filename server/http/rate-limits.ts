import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { HatchwayError } from '../core/errors.ts'
import { personKey } from '../core/same-person.ts'

/** Requests per minute. An address is one IPv4 address or one IPv6 /64. */
export const requestsPerMinute = {
  /** Whoever they are: bounds the work that is done before anyone is authenticated. */
  address: 3000,
  /** Signed in, per person, from any number of addresses. */
  caller: 1200,
  /** Refused credentials per address; after that none is looked at until the minute is over. */
  refusedCredentials: 30,
  /** Attempts to sign in per address. */
  signIn: 10,
  /** Answers of the identity provider per address: each may cost it a request. An office comes from one address. */
  signInReturn: 60,
} as const

/** Counts the request; throws `too_many_requests` when that was one too many. */
export type Limit = (request: FastifyRequest, reply: FastifyReply) => Promise<void>

export interface RateLimits {
  address: Limit
  caller: Limit
  signIn: Limit
  signInReturn: Limit
  refusedCredentials: {
    /** Throws without counting. */
    check: Limit
    count: (request: FastifyRequest) => Promise<void>
  }
}

/** Counters of this process. Several gateways count each for themselves. */
export async function registerRateLimits(app: FastifyInstance): Promise<RateLimits> {
  await app.register(rateLimit, { global: false })
  const perMinute = (max: number, keyOf?: (request: FastifyRequest) => string) =>
    app.createRateLimit({
      max,
      timeWindow: 60_000,
      ...(keyOf === undefined ? {} : { keyGenerator: keyOf }),
    })
  const refused = perMinute(requestsPerMinute.refusedCredentials)
  return {
    address: enforce(perMinute(requestsPerMinute.address)),
    caller: enforce(
      perMinute(requestsPerMinute.caller, ({ caller }) => (caller === null ? '' : personKey(caller.who))),
    ),
    signIn: enforce(perMinute(requestsPerMinute.signIn)),
    signInReturn: enforce(perMinute(requestsPerMinute.signInReturn)),
    refusedCredentials: {
      check: enforce(async (request) => {
        const state = await refused(request, { increment: false })
        // A look does not count itself: the budget is spent when nothing remains.
        return state.isAllowed ? state : { ...state, isExceeded: state.remaining === 0 }
      }),
      count: async (request) => {
        await refused(request)
      },
    },
  }
}

type Counted = Awaited<ReturnType<ReturnType<FastifyInstance['createRateLimit']>>>

function enforce(count: (request: FastifyRequest) => Promise<Counted>): Limit {
  return async (request, reply) => {
    const state = await count(request)
    if (state.isAllowed || !state.isExceeded) return
    reply.header('retry-after', state.ttlInSeconds)
    throw new HatchwayError(
      'too_many_requests',
      `Too many requests. Try again in ${state.ttlInSeconds} seconds.`,
    )
  }
}
