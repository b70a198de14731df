import { once } from 'node:events'
import type { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import { z } from 'zod'
import { HatchwayError } from '../core/errors.ts'
import { personOf, type PersonId } from '../core/same-person.ts'
import type { AuditEvent, SessionRow } from '../core/session.ts'
import { recordingQuery, verification } from '../protocol/session-api.ts'
import { callerSignal } from './caller-signal.ts'
import { callerOf, type Caller } from './authenticate.ts'
import type { AppDeps } from './deps.ts'
import { findSession, refuseSession } from '../gateway/find-session.ts'
import { problems } from './openapi.ts'
import { sessionParams } from './session-routes.ts'
import type { TypedApp } from './typed-app.ts'

type Format = z.infer<typeof recordingQuery>['format']

const asciicast = 'application/x-asciicast'
const mediaTypes: Record<Format, string> = {
  'asciicast-v3': asciicast,
  'asciicast-v2': asciicast,
  text: 'text/plain; charset=utf-8',
}

// A stream goes out as it is; the schema documents it.
const bytes = z.custom<Readable>().meta({ type: 'string' })

/** How long a gateway that stops waits for whoever reads a recording; a session's successor waits meanwhile. */
const graceMs = 2_000
/** Whoever met a full line comes back then. */
const retrySeconds = 10

export function registerRecordingRoutes(app: TypedApp, deps: AppDeps): void {
  const sent = cutAtTheEnd(app)
  app.get(
    '/api/v1/sessions/:id/recording',
    {
      schema: {
        operationId: 'getRecording',
        summary: 'Everything that was shown, live or sealed',
        params: sessionParams,
        querystring: recordingQuery,
        response: {
          200: {
            description: 'The recording',
            content: { [asciicast]: { schema: bytes }, 'text/plain': { schema: bytes } },
          },
          ...problems(400, 401, 403, 404, 429, 503),
        },
      },
    },
    async (request, reply) => {
      const caller = callerOf(request)
      const { format, download } = request.query
      const { row, rights } = await findSession(deps, caller, request.params.id)
      if (!rights.replay) return await refuseSession(deps, caller, row, 'read-recording')
      const stored = await deps.recordings.read(row.id, row.recording)
      const kind = download === 'true' ? 'exported' : 'played'
      await auditReading(deps, caller, row, { kind, detail: { format } }).catch((error: unknown) => {
        stored.destroy()
        throw error
      })
      if (download === 'true') attach(reply, row, format)
      reply.type(mediaTypes[format])
      return reply.send(
        sent(format === 'asciicast-v3' ? stored : convert(deps, reply, { stored, format, who: caller.who })),
      )
    },
  )

  app.get(
    '/api/v1/sessions/:id/verification',
    {
      schema: {
        operationId: 'verifyRecording',
        summary: 'Is the recording whole and unaltered, and what was checked',
        params: sessionParams,
        response: { 200: verification, ...problems(401, 403, 404, 429, 503) },
      },
    },
    async (request, reply) => {
      const caller = callerOf(request)
      const { row, rights } = await findSession(deps, caller, request.params.id)
      if (!rights.replay) return await refuseSession(deps, caller, row, 'read-recording')
      await auditReading(deps, caller, row, { kind: 'verified' })
      return await deps.verifyRecording(row, caller.who, callerSignal(request)).catch((cause: unknown) => {
        sayWhenToRetry(reply, cause)
        throw cause
      })
    },
  )
}

// Before the first byte: whoever reads has left a trace.
async function auditReading(
  deps: AppDeps,
  { who, from }: Caller,
  row: SessionRow,
  event: Pick<AuditEvent, 'kind' | 'detail'>,
): Promise<void> {
  await deps.store.appendAudit({
    ...event,
    who: personOf(who),
    from,
    action: 'read-recording',
    target: row.target.ref,
    sessionId: row.id,
  })
}

/** Keeps what is being sent, to cut it a moment after the gateway was told to stop: a slow reader would hold that up. */
function cutAtTheEnd(app: TypedApp): (stream: Readable) => Readable {
  const open = new Set<Readable>()
  app.addHook('preClose', async () => {
    const closed = Promise.allSettled([...open].map((stream) => once(stream, 'close')))
    const timer = setTimeout(() => {
      for (const stream of open) stream.destroy()
    }, graceMs)
    await closed
    clearTimeout(timer)
  })
  return (stream) => {
    open.add(stream)
    return stream.once('close', () => open.delete(stream))
  }
}

function convert(
  deps: AppDeps,
  reply: FastifyReply,
  { stored, format, who }: { stored: Readable; format: 'asciicast-v2' | 'text'; who: PersonId },
): Readable {
  const converted = deps.convertRecording(stored, format, who)
  // Before anything was sent, an error is an answer.
  return converted.once('error', (cause) => sayWhenToRetry(reply, cause))
}

function sayWhenToRetry(reply: FastifyReply, cause: unknown): void {
  const isTooMuch = cause instanceof HatchwayError && cause.code === 'too_many_requests'
  if (isTooMuch && !reply.raw.headersSent) reply.header('retry-after', retrySeconds)
}

// Only plain characters of the name reach the header and the caller's disk.
function attach(reply: FastifyReply, row: SessionRow, format: Format): void {
  const name = row.target.name
    .replace(/[^\w.-]+/g, '-')
    .replace(/^[.-]+/, '')
    .slice(0, 60)
  const file = `hatchway-${name || 'session'}-${row.id}.${format === 'text' ? 'txt' : 'cast'}`
  reply.header('content-disposition', `attachment; filename="${file}"`)
}
