import type { z } from 'zod'
import { messageOf } from '../core/errors.ts'
import { readBounded } from '../core/read-bounded.ts'
import { isSafeToAsk, parseUrl } from '../core/urls.ts'
import { problem } from '../protocol/api.ts'
import { me, signInOptions, type Me, type SignInOptions } from '../protocol/sign-in-api.ts'
import { CommandError } from './command-error.ts'
import { UsageError } from './parse-args.ts'
import { printable } from './printable.ts'

const timeoutMs = 10_000
const maxAnswerBytes = 1024 * 1024

/** A gateway as the command line asks it. Everything throws CommandErrors in plain words. */
export interface GatewayClient {
  /** `https://hatchway.example.com`. */
  readonly origin: string
  signInOptions(signal: AbortSignal): Promise<SignInOptions>
  /** Whom the gateway takes the token's bearer for. */
  me(accessToken: string, signal: AbortSignal): Promise<Me>
}

/** Throws UsageError for an address that tokens must not be sent to. */
export function createGatewayClient(address: string): GatewayClient {
  const url = parseUrl(address)
  if (url === undefined || !isSafeToAsk(address)) {
    throw new UsageError(
      '--gateway must be an https address (http only on loopback), such as https://hatchway.example.com.',
    )
  }
  const { origin } = url
  return {
    origin,
    signInOptions: (signal) => get(origin, '/api/v1/auth/options', { schema: signInOptions, signal }),
    me: (accessToken, signal) => get(origin, '/api/v1/me', { schema: me, signal, accessToken }),
  }
}

interface Question<T> {
  schema: z.ZodType<T>
  signal: AbortSignal
  accessToken?: string
}

async function get<T>(
  origin: string,
  path: string,
  { schema, signal, accessToken }: Question<T>,
): Promise<T> {
  const headers = accessToken === undefined ? {} : { authorization: `Bearer ${accessToken}` }
  const { status, text } = await fetchBounded(origin + path, { headers, signal }).catch((cause: unknown) => {
    const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause
    const late = cause instanceof Error && cause.name === 'TimeoutError'
    const why = late ? `no answer within ${timeoutMs / 1000} s` : printable(messageOf(inner))
    throw new CommandError(`The gateway ${origin} cannot be reached: ${why}.`)
  })
  const body = parseJson(text)
  if (status !== 200) {
    const told = problem.safeParse(body)
    const words = told.success ? `: ${printable(told.data.detail)}` : '.'
    throw new CommandError(`The gateway ${origin} answered with ${status}${words}`)
  }
  const answer = schema.safeParse(body)
  if (answer.success) return answer.data
  throw new CommandError(`What answers at ${origin} is no Hatchway gateway, or one of another version.`)
}

async function fetchBounded(
  url: string,
  { headers, signal }: { headers: Record<string, string>; signal: AbortSignal },
): Promise<{ status: number; text: string }> {
  const either = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
  // A token follows no redirect.
  const response = await fetch(url, { headers, signal: either, redirect: 'manual' })
  return { status: response.status, text: (await readBounded(response, maxAnswerBytes)).toString() }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
