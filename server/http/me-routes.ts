import type { ProviderSignIn } from '../core/authentication.ts'
import { withoutUndefined } from '../core/without-undefined.ts'
import type { PolicyQuestions } from '../gateway/policy-questions.ts'
import { me } from '../protocol/sign-in-api.ts'
import { callerOf } from './authenticate.ts'
import { problems } from './openapi.ts'
import type { TypedApp } from './typed-app.ts'

export interface MeRoutesDeps {
  questions: Pick<PolicyQuestions, 'mayReadAudit'>
  /** Absent: no identity provider signs browsers in. */
  provider?: Pick<ProviderSignIn, 'name'> | undefined
  /** Where browsers reach the gateway. */
  publicUrl?: string | undefined
}

export function registerMeRoutes(app: TypedApp, { questions, provider, publicUrl }: MeRoutesDeps): void {
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
      return withoutUndefined({
        subject: who.subject,
        name: who.name,
        groups: [...who.groups],
        issuer: who.issuer,
        expiresAt: who.expiresAt.toISOString(),
        signInEndsAt: login?.endsAt.toISOString(),
        provider: login?.byProvider === true ? provider?.name : undefined,
        can: { readAudit: questions.mayReadAudit(who) },
        publicUrl,
      })
    },
  )
}
