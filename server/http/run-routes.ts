import { isUtf8 } from 'node:buffer'
import { endOf } from '../core/session-end.ts'
import { session } from '../protocol/session-api.ts'
import { createRun, run, type Run } from '../protocol/run-api.ts'
import type { SessionCases } from '../gateway/sessions.ts'
import type { RunOutcome } from '../sessions/sessions.ts'
import { describeIdentity, toApiSession } from './api-session.ts'
import { callerOf } from './authenticate.ts'
import { callerSignal } from './caller-signal.ts'
import { withoutUndefined } from '../core/without-undefined.ts'
import { problems } from './openapi.ts'
import type { TypedApp } from './typed-app.ts'

export function registerRunRoutes(app: TypedApp, sessions: SessionCases): void {
  app.post(
    '/api/v1/runs',
    {
      schema: {
        operationId: 'createRun',
        summary: 'Run one command without a terminal, recorded like a session, and wait for its end',
        body: createRun,
        response: {
          200: run.describe('It was started, and has ended in some way'),
          202: session.describe('Waits for an approval, and runs by itself: its session and recording tell'),
          ...problems(400, 401, 403, 404, 409, 410, 429, 502, 503, 504),
        },
      },
    },
    async (request, reply) => {
      // Nothing is sent for as long as the command runs, and its own time limit ends it.
      request.raw.socket.setTimeout(0)
      const done = await sessions.run(callerOf(request), request.body, callerSignal(request))
      reply.header('location', `/api/v1/sessions/${done.row.id}`)
      if ('stdout' in done) return toRun(done)
      reply.code(202)
      return toApiSession(done)
    },
  )
}

function toRun({ row, stdout, stderr }: RunOutcome): Run {
  const { id, startedAt, endedAt, end = endOf('failed'), identity } = row
  const out = encode(stdout)
  const err = encode(stderr)
  return withoutUndefined({
    id,
    exitCode: end.exitCode,
    end,
    stdout: out.text,
    stderr: err.text,
    encoding: { stdout: out.encoding, stderr: err.encoding },
    truncated: { stdout: stdout.truncated, stderr: stderr.truncated },
    durationMs: startedAt && endedAt ? endedAt.getTime() - startedAt.getTime() : 0,
    identity: identity && describeIdentity(identity),
  })
}

function encode({ bytes, truncated }: RunOutcome['stdout']): { text: string; encoding: 'utf-8' | 'base64' } {
  // A character that the limit cut in two is not what makes it binary.
  const cuts = truncated ? [0, 1, 2, 3] : [0]
  for (const cut of cuts) {
    const whole = bytes.subarray(0, bytes.length - cut)
    if (isUtf8(whole)) return { text: whole.toString('utf8'), encoding: 'utf-8' }
  }
  return { text: bytes.toString('base64'), encoding: 'base64' }
}
