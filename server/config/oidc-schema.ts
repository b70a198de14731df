import { z } from 'zod'
import { claimNames } from './claims-schema.ts'
import { duration, list, secret, section, text, type ConfigSource } from './fields.ts'
import { isSafeToAsk, parseUrl } from '../core/urls.ts'

const dayMs = 86_400_000

// The gateway's own: with another value of one of these, a sign-in would not be safe or could not work.
const ownParameters = new Set([
  'client_id',
  'client_secret',
  'code_challenge',
  'code_challenge_method',
  'nonce',
  'redirect_uri',
  'request',
  'request_uri',
  'response_mode',
  'response_type',
  'scope',
  'state',
])

const parameters = () =>
  z
    .record(text(100), text(1000), { error: 'must be a map of texts' })
    .superRefine((values, context) => {
      for (const name of Object.keys(values).filter((each) => ownParameters.has(each)))
        context.addIssue({ code: 'custom', path: [name], message: 'is set by the gateway itself' })
    })
    .default({})

const device = () =>
  section({
    clientId: text(500).describe('A public client that is registered for the device flow.'),
    scopes: list(text()).default(['openid', 'profile', 'offline_access']).describe('What it asks for.'),
    resource: text(2000)
      .optional()
      .describe('Audience that it asks tokens for (RFC 8707), where the provider wants that.'),
  })

/** The identity provider that people sign in with. */
export const oidcSchema = (source: ConfigSource) =>
  section({
    issuer: text(500)
      .refine(isSafeIssuer, 'must be an https address (http only on loopback), without query or fragment')
      .describe("The provider's issuer, exactly as it writes it; its metadata are read below it."),
    name: text(60).optional().describe('For the button "Sign in with …". Default: the host of the issuer.'),
    clientId: text(500).describe('Client that is registered there for this gateway.'),
    clientSecret: secret(source)
      .optional()
      .describe('Its secret. Without one the gateway is a public client, which PKCE protects.'),
    scopes: list(text())
      .optional()
      .describe(
        'What is asked for; `openid` always is. Default: `openid`, and `profile`, `groups` and `offline_access` where the provider offers them.',
      ),
    parameters: parameters().describe(
      'Added to the request that the browser takes to the provider, such as `prompt: consent`.',
    ),
    claims: claimNames()
      .optional()
      .describe(
        'Which claims are read, of ID token, userinfo and access token. Default: those of the entry of `issuers` with the same issuer, else its defaults.',
      ),
    prefix: z
      .string({ error: 'must be text' })
      .max(255)
      .optional()
      .describe('Put before subject and groups. Default: as `claims`.'),
    refreshEvery: duration(dayMs)
      .prefault('5m')
      .describe(
        "How long the provider's word is good before it is asked again; sooner when its access token expires sooner.",
      ),
    maxSignIn: duration(90 * dayMs)
      .prefault('12h')
      .describe(
        'How long a sign-in lasts at most. Without a refresh token it ends when the access token does.',
      ),
    device: device()
      .optional()
      .describe('Lets `hatchway login` sign programs in. Needs an entry of `issuers` with the same issuer.'),
  })

function isSafeIssuer(value: string): boolean {
  const url = parseUrl(value)
  return url?.search === '' && url.hash === '' && isSafeToAsk(value)
}
