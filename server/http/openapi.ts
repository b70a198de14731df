/** The OpenAPI 3.1 document: made from the same schemas that validate and type the routes. */
import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import { createJsonSchemaTransform, createJsonSchemaTransformObject } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { errorCodes } from '../core/errors.ts'
import { auditKinds } from '../core/vocabulary.ts'
import { endCodes } from '../core/session-end.ts'
import * as api from '../protocol/api.ts'
import * as auditApi from '../protocol/audit-api.ts'
import * as runApi from '../protocol/run-api.ts'
import * as sessionApi from '../protocol/session-api.ts'
import * as signInApi from '../protocol/sign-in-api.ts'
import * as targetApi from '../protocol/target-api.ts'

const named = z.registry<{ id: string; enum?: string[] }>()
for (const [id, schema] of Object.entries({
  Problem: api.problem,
  Identity: targetApi.identity,
  Me: signInApi.me,
  Environment: api.environment,
  Target: targetApi.target,
  TargetList: targetApi.targetList,
  TargetDetail: targetApi.targetDetail,
  StartProgress: sessionApi.startProgress,
  SessionEnd: sessionApi.sessionEnd,
  Viewer: sessionApi.viewer,
  Session: sessionApi.session,
  SessionList: sessionApi.sessionList,
  CreateSession: sessionApi.createSession,
  TerminateSession: sessionApi.terminateSession,
  CreateRun: runApi.createRun,
  Run: runApi.run,
  TerminalSize: sessionApi.terminalSize,
  WsTicket: sessionApi.wsTicket,
  Verification: sessionApi.verification,
  AuditEvent: auditApi.auditEvent,
  AuditList: auditApi.auditList,
  SignIn: signInApi.signIn,
  SignInOptions: signInApi.signInOptions,
  SignedOut: signInApi.signedOut,
  Sample: api.sample,
})) {
  named.add(schema, { id })
}

named.add(auditApi.auditEvent.shape.kind, { id: 'AuditKind', enum: [...auditKinds] })

const words: Record<number, string> = {
  400: 'The request is not valid',
  401: 'Not signed in, or the token was not accepted',
  403: 'Policy, or the origin of the request, does not allow it',
  404: 'It does not exist, or the caller may not know of it',
  409: 'Not in the state that this needs',
  410: 'The session has ended',
  413: 'The request is too large',
  429: 'Too many requests or sessions',
  502: 'The debug container could not be started',
  503: 'Something that this needs cannot be reached',
  504: 'Something that this needs took too long',
}

/** Documents the problem+json answers of a route. */
export function problems<S extends number>(...statuses: S[]) {
  const entries = statuses.map((status) => [
    status,
    {
      description: words[status] ?? 'Problem',
      content: { 'application/problem+json': { schema: api.problem } },
    },
  ])
  return Object.fromEntries(entries) as Record<
    S,
    { description: string; content: { 'application/problem+json': { schema: typeof api.problem } } }
  >
}

const transform = createJsonSchemaTransform({ schemaRegistry: named })
const transformObject = createJsonSchemaTransformObject({ schemaRegistry: named })

/** Must be registered before the routes that it describes. */
export async function registerOpenapi(
  app: FastifyInstance,
  about: { version: string; publicUrl?: string },
): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Hatchway',
        version: about.version,
        description: `Recorded browser terminals in containers that have no shell. Problem codes: ${errorCodes.join(', ')}.`,
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: about.publicUrl ?? '/' }],
      security: [{ bearer: [] }, { cookie: [] }],
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
          cookie: { type: 'apiKey', in: 'cookie', name: '__Host-hatchway' },
        },
      },
    },
    transform: (route) => nameWildcard(transform(route)),
    transformObject: (document) => nameCodes(transformObject(document)),
  })
  app.get('/api/openapi.json', { config: { access: 'public' }, schema: { hide: true } }, async () =>
    app.swagger(),
  )
}

// Only the document lists them: clients take codes that they do not know.
function nameCodes(document: ReturnType<typeof transformObject>): typeof document {
  const lists: Record<string, readonly string[]> = { Problem: errorCodes, SessionEnd: endCodes }
  const { schemas = {} } = ('components' in document && document.components) || {}
  for (const [name, codes] of Object.entries(lists)) {
    const schema = schemas[name]
    const code = schema !== undefined && 'properties' in schema ? schema.properties?.['code'] : undefined
    if (code !== undefined) Object.assign(code, { enum: codes })
  }
  return document
}

type Transformed = ReturnType<typeof transform>

// OpenAPI has no wildcards: the rest of the path is the target's reference, slashes and all.
function nameWildcard({ schema, url }: Transformed): Transformed {
  if (!url.endsWith('/*')) return { schema, url }
  const params = JSON.stringify(schema?.['params'] ?? {}).replaceAll('"*"', '"ref"')
  return { schema: { ...schema, params: JSON.parse(params) as unknown }, url: url.replace('/*', '/{ref}') }
}
