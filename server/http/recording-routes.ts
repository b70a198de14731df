import { once } from 'node:events'
import type { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import { z } from 'zod'
import { HatchwayError } from '../core/errors.ts'
import type { SessionRow } from '../core/session.ts'
import type { RecordingCases, RecordingFormat } from '../gateway/recordings.ts'
import { recordingQuery, verification } from '../protocol/session-api.ts'
import { callerSignal } from './caller-signal.ts'
import { callerOf } from './authenticate.ts'
import { problems } from './openapi.ts'
import { sessionParams } from './session-routes.ts'
import type { TypedApp } from './typed-app.ts'

const asciicast = 'application/x-asciicast'
const mediaTypes: Record<RecordingFormat, string> = {
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

export function registerRecordingRoutes(app: TypedApp, recordings: RecordingCases): void {
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
      const { format, download } = request.query
      const exported = download === 'true'
      const wanted = { format, exported }
      const { row, content } = await recordings.read(callerOf(request), request.params.id, wanted)
      if (exported) attach(reply, row, format)
      reply.type(mediaTypes[format])
      // Before anything was sent, an error is an answer.
      return reply.send(sent(content.once('error', (cause) => sayWhenToRetry(reply, cause))))
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
      const { id } = request.params
      return await recordings.verify(callerOf(request), id, callerSignal(request)).catch((cause: unknown) => {
        sayWhenToRetry(reply, cause)
        throw cause
      })
    },
  )
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

function sayWhenToRetry(reply: FastifyReply, cause: unknown): void {
  const isTooMuch = cause instanceof HatchwayError && cause.code === 'too_many_requests'
  if (isTooMuch && !reply.raw.headersSent) reply.header('retry-after', retrySeconds)
}

// Only plain characters of the name reach the header and the caller's disk.
function attach(reply: FastifyReply, row: SessionRow, format: RecordingFormat): void {
  const name = row.target.name
    .replace(/[^\w.-]+/g, '-')
    .replace(/^[.-]+/, '')
    .slice(0, 60)
  const file = `hatchway-${name || 'session'}-${row.id}.${format === 'text' ? 'txt' : 'cast'}`
  reply.header('content-disposition', `attachment; filename="${file}"`)
}
