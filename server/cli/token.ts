import { createLocalIssuer } from '../auth/local-issuer.ts'
import { localIssuer, type Config } from '../config/config.ts'
import { parseDuration } from '../core/duration.ts'
import { HatchwayError } from '../core/errors.ts'
import type { GetOrCreateSecret } from '../core/secrets.ts'
import { UsageError, type ParsedArgs } from './parse-args.ts'

const maxTtlMs = 90 * 86_400_000

/**
 * `token`: a JWT of the installation's own key, and words about it.
 * Throws UsageError, and `forbidden` when the gateway would not accept such a token.
 */
export async function issueToken(
  args: ParsedArgs,
  config: Config,
  getOrCreateSecret: GetOrCreateSecret,
): Promise<{ token: string; note: string }> {
  if (!config.auth.localTokens) {
    throw new HatchwayError(
      'forbidden',
      'This gateway does not accept tokens of its own key. Set auth.localTokens: true in its configuration if it should.',
    )
  }
  const ttlMs = parseDuration(args.option('ttl') ?? '12h')
  if (ttlMs === undefined || ttlMs > maxTtlMs)
    throw new UsageError('--ttl must be a duration such as 30m or 12h, at most 90d.')
  const { localUser } = config.auth
  const subject = args.option('user') ?? localUser.subject
  const name = args.option('name') ?? (subject === localUser.subject ? localUser.name : subject)
  if (subject === '') throw new UsageError('--user must not be empty.')
  const issuer = await createLocalIssuer({ ...localIssuer, getOrCreateSecret })
  const token = await issuer.issue({ subject, name, groups: args.options('group'), ttlSeconds: ttlMs / 1000 })
  const until = new Date(Date.now() + ttlMs).toISOString()
  return { token, note: `For ${subject}, until ${until}. Whoever has it acts as ${subject}: keep it secret.` }
}
