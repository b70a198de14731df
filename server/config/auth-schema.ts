import { z } from 'zod'
import {
  duration,
  flag,
  laterVersion,
  list,
  path,
  secret,
  section,
  text,
  unique,
  type ConfigSource,
} from './fields.ts'
import { isLoopback, parseUrl } from './urls.ts'

const dayMs = 86_400_000

const claims = () =>
  section({
    subject: text().default('sub').describe('Claim that says who it is.'),
    name: text()
      .default('name')
      .describe('Claim with the name to show; the subject is shown where it is missing.'),
    groups: text()
      .default('groups')
      .describe('Claim with the groups: a list of texts, or one text with spaces or commas between them.'),
  })

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
        isSafeJwksUri,
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
    claims: claims().prefault({}).describe('Which claims are read; `a.b` goes into nested ones.'),
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
        "Accept tokens that `hatchway token` signs with this installation's own key, and the one-time sign-in link. Default: true without issuers, else false.",
      ),
    clockSkew: duration(60_000)
      .prefault('30s')
      .describe('Allowed difference between the clocks, at most `60s`.'),
    oidc: z
      .unknown()
      .refine(() => false, laterVersion('sign-in by OpenID Connect'))
      .optional()
      .describe('Not available in this version.'),
  }).refine(
    (value) => value.localTokens !== false || value.issuers.length > 0,
    'nobody could sign in: name an issuer, or set localTokens: true',
  )

function isSafeJwksUri(value: string): boolean {
  const url = parseUrl(value)
  return url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url.hostname))
}
