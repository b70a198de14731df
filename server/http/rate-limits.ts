import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { HatchwayError } from '../core/errors.ts'
import { personKey, type PersonId } from '../core/same-person.ts'
import { withoutUndefined } from '../core/without-undefined.ts'
import { KnownCredentials } from './known-credentials.ts'

/** Requests per minute. An address is one IPv4 address or one IPv6 /64. */
export const requestsPerMinute = {
  /** Whoever they are: bounds the work that is done before anyone is authenticated. What was let in a moment ago goes on. */
  address: 3000,
  /** Signed in, per person, from any number of addresses. */
  caller: 1200,
  /** Refused credentials per address; after that the others that are refused are told to wait, and good ones pass. */
  refusedCredentials: 30,
  /** Attempts with a sign-in link, and refused ones with a token, per address. */
  signIn: 10,
  /** Sign-ins by a good token, per person: each leaves a row. */
  signedIn: 20,
  /** Answers of the identity provider per address: each may cost it a request. An office comes from one address. */
  signInReturn: 60,
} as const

/** Counts the request; throws `too_many_requests` when that was one too many. */
export type Limit = (request: FastifyRequest, reply: FastifyReply) => Promise<void>

/** The same, of a request that brings a credential. */
type CredentialLimit = (request: FastifyRequest, reply: FastifyReply, credential: string) => Promise<void>

export interface RateLimits {
  address: (request: FastifyRequest, reply: FastifyReply, credential: string | undefined) => Promise<void>
  caller: Limit
  signIn: Limit
  signedIn: (request: FastifyRequest, reply: FastifyReply, who: PersonId) => Promise<void>
  signInReturn: Limit
  /** A credential was good. */
  accepted: (credential: string) => void
  refusedCredentials: {
    /** Throws, where many were refused already, for one that was refused a moment ago: it is not verified again. */
    checkKnown: CredentialLimit
    count: CredentialLimit
  }
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Who has just signed in. */
    signedIn: PersonId | null
  }
}

/** Counters of this process. Several gateways count each for themselves. */
export async function registerRateLimits(app: FastifyInstance): Promise<RateLimits> {
  await app.register(rateLimit, { global: false })
  app.decorateRequest('signedIn', null)
  const perMinute = (max: number, keyOf?: (request: FastifyRequest) => string) =>
    app.createRateLimit(withoutUndefined({ max, timeWindow: 60_000, keyGenerator: keyOf }))
  const known = new KnownCredentials()
  const address = enforce(perMinute(requestsPerMinute.address))
  const signedIn = enforce(
    perMinute(requestsPerMinute.signedIn, (request) =>
      request.signedIn === null ? '' : personKey(request.signedIn),
    ),
  )
  return {
    address: async (request, reply, credential) => {
      try {
        await address(request, reply)
      } catch (error) {
        if (credential === undefined || !known.isGood(credential)) throw error
        reply.removeHeader('retry-after')
      }
    },
    caller: enforce(
      perMinute(requestsPerMinute.caller, ({ caller }) => (caller === null ? '' : personKey(caller.who))),
    ),
    signIn: enforce(perMinute(requestsPerMinute.signIn)),
    signedIn: async (request, reply, who) => {
      request.signedIn = who
      await signedIn(request, reply)
    },
    signInReturn: enforce(perMinute(requestsPerMinute.signInReturn)),
    accepted: (credential) => known.accepted(credential),
    refusedCredentials: refusedCredentials(perMinute(requestsPerMinute.refusedCredentials), known),
  }
}

type Count = ReturnType<FastifyInstance['createRateLimit']>

function refusedCredentials(counted: Count, known: KnownCredentials): RateLimits['refusedCredentials'] {
  const check = enforce(async (request) => {
    const state = await counted(request, { increment: false })
    // A look does not count itself: the budget is spent when nothing remains.
    return state.isAllowed ? state : { ...state, isExceeded: state.remaining === 0 }
  })
  const count = enforce(counted)
  return {
    checkKnown: async (request, reply, credential) => {
      if (known.isRefused(credential)) await check(request, reply)
    },
    count: async (request, reply, credential) => {
      known.refused(credential)
      await count(request, reply)
    },
  }
}

type Counted = Awaited<ReturnType<Count>>

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
