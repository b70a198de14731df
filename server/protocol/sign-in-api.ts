/** Who somebody is, and how they sign in and out. */
import { z } from 'zod'
import { timestamp } from './fields.ts'
export const me = z.object({
  subject: z.string(),
  name: z.string(),
  groups: z.array(z.string()),
  issuer: z.string(),
  expiresAt: timestamp,
  signInEndsAt: timestamp
    .optional()
    .describe(
      'the browser has to sign in again then; until then its identity provider is asked now and again',
    ),
  provider: z.string().optional().describe('name of the identity provider that vouches for this browser'),
  can: z.object({ readAudit: z.boolean() }),
  publicUrl: z
    .string()
    .optional()
    .describe('where browsers reach the gateway, when it is configured: what links should begin with'),
})
export type Me = z.infer<typeof me>

export const signInOptions = z.object({
  methods: z.array(z.enum(['provider', 'link', 'token'])),
  provider: z
    .object({ name: z.string() })
    .optional()
    .describe('the identity provider that signs browsers in'),
  device: z
    .object({
      issuer: z.string(),
      clientId: z.string(),
      scopes: z.array(z.string()),
      resource: z.string().optional(),
      audiences: z.array(z.string()).describe('one of them has to be in the `aud` of a token'),
    })
    .optional()
    .describe('how programs sign in by the device flow'),
})
export type SignInOptions = z.infer<typeof signInOptions>

/** Exactly one: the code of the printed one-time link, or a JWT of a configured issuer. */
export const signIn = z.union([
  z.strictObject({ code: z.string().min(1).max(200) }),
  z.strictObject({ token: z.string().min(1).max(16_384) }),
])

/** After all sign-ins of a person were removed. */
export const signedOut = z.object({
  continueAt: z.string().optional().describe('where the browser signs out of the identity provider too'),
})
export type SignedOut = z.infer<typeof signedOut>
