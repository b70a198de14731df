import { me } from '../protocol/sign-in-api.ts'
import { callerOf } from './authenticate.ts'
import type { AppDeps } from './deps.ts'
import { problems } from './openapi.ts'
import { may } from '../gateway/permissions.ts'
import type { TypedApp } from './typed-app.ts'

export function registerMeRoutes(app: TypedApp, deps: AppDeps): void {
  app.get(
    '/api/v1/me',
    {
      schema: {
        operationId: 'getMe',
        summary: 'Who the caller is, and what they may do at all',
        response: { 200: me, ...problems(401, 403, 429) },
      },
    },
    async (request) => {
      const { who, login } = callerOf(request)
      const { provider } = deps.auth
      return {
        subject: who.subject,
        name: who.name,
        groups: [...who.groups],
        issuer: who.issuer,
        expiresAt: who.expiresAt.toISOString(),
        ...(login !== undefined && { signInEndsAt: login.endsAt.toISOString() }),
        ...(login?.byProvider === true && provider !== undefined && { provider: provider.name }),
        can: { readAudit: may(deps.policy(), who, 'read-audit') },
        ...(deps.publicUrl !== undefined && { publicUrl: deps.publicUrl }),
      }
    },
  )
}
