import { z } from 'zod'
import { duration, flag, list, path, secret, section, text, unique, type ConfigSource } from './fields.ts'
import { claimNames } from './claims-schema.ts'
import { oidcSchema } from './oidc-schema.ts'
import { peopleProblems } from './same-people.ts'
import { isSafeToAsk } from '../core/urls.ts'

const dayMs = 86_400_000

const issuer = (source: ConfigSource) =>
  section({
    issuer: text(500).describe('Must equal the `iss` claim exactly.'),
    audience: z
      .union([text(500).transform((value) => [value]), list(text(500)).min(1, 'must name at least one')], {
        error: 'must be text or a list of texts',
      })
      .describe('The `aud` claim must hold this, or one of these.'),
    jwksUri: text(2000)
      .refine(
        isSafeToAsk,
        'must be an https address (http only on loopback): whoever answers it decides who may sign in',
      )
      .optional()
      .describe(
        "Address of the issuer's public keys. Fetched when needed, kept for 10 minutes; an unknown key leads to another fetch after 30 seconds.",
      ),
    jwks: path(source)
      .optional()
      .describe('File with the public keys in place of `jwksUri`; read again when it changes.'),
    secret: secret(source, 32)
      .optional()
      .describe('Shared secret of 32 bytes or more in place of public keys: HS256.'),
    claims: claimNames()
      .prefault({})
      .describe('Which claims are read; `a.b`, or `[a, b]` where a key has dots, goes into nested ones.'),
    prefix: text()
      .default('')
      .describe(
        "Put before every subject and group of this issuer, so that two issuers cannot speak for each other's people.",
      ),
    maxTokenAge: duration(90 * dayMs)
      .optional()
      .describe('Refuse tokens that were issued longer ago.'),
  }).superRefine((value, context) => {
    const given = [value.jwksUri, value.jwks, value.secret].filter((keys) => keys !== undefined)
    if (given.length !== 1) context.addIssue('needs exactly one of jwksUri, jwks and secret')
  })

/** Who may sign in. */
export const authSchema = (source: ConfigSource) =>
  section({
    issuers: list(issuer(source))
      .superRefine(unique('issuer'))
      .default([])
      .describe('Whose JWTs are accepted.'),
    localTokens: flag()
      .optional()
      .describe(
        "Accept tokens that `hatchway token` signs with this installation's own key, and the one-time sign-in link. Default: true without `issuers` and `oidc`, else false.",
      ),
    samePeople: flag()
      .default(false)
      .describe(
        'Several issuers with the same `prefix`, or none: a subject is one and the same person at each of them, and groups mean the same. Without it such issuers are an error.',
      ),
    clockSkew: duration(60_000)
      .prefault('30s')
      .describe('Allowed difference between the clocks, at most `60s`.'),
    oidc: oidcSchema(source).optional().describe('The OpenID Connect provider that signs browsers in.'),
  })
    .refine(
      (value) => value.localTokens !== false || value.issuers.length > 0 || value.oidc !== undefined,
      'nobody could sign in: name an issuer or a provider (oidc), or set localTokens: true',
    )
    .superRefine(({ oidc, issuers }, context) => {
      if (oidc?.device === undefined || issuers.some(({ issuer }) => issuer === oidc.issuer)) return
      const message = `needs an entry of auth.issuers for ${oidc.issuer}, which says whose tokens are accepted`
      context.addIssue({ code: 'custom', path: ['oidc', 'device'], message })
    })
    .superRefine((value, context) => {
      for (const { path, message } of peopleProblems(value))
        context.addIssue({ code: 'custom', path: [...path], message })
    })
