import { createGatewayClient, type GatewayClient } from './gateway-client.ts'
import type { ParsedArgs } from './parse-args.ts'

const ownGateway = 'http://127.0.0.1:8080'

/** The one of `--gateway`, else of HATCHWAY_GATEWAY, else this machine's. */
export function chooseGateway(
  args: ParsedArgs,
  env: Readonly<Record<string, string | undefined>>,
): GatewayClient {
  const named = env['HATCHWAY_GATEWAY']
  return createGatewayClient(
    args.option('gateway') ?? (named === undefined || named === '' ? ownGateway : named),
  )
}
