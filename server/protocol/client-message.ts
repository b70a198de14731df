import { z } from 'zod'
import { terminalSize } from './session-api.ts'
import type { ClientMessage } from './terminal.ts'

const clientMessage = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('input'), data: z.string() }),
  z.strictObject({ type: z.literal('resize'), size: terminalSize }),
  z.strictObject({ type: z.literal('ack'), offset: z.int().nonnegative() }),
  z.strictObject({ type: z.literal('ping'), id: z.int().nonnegative() }),
  z.strictObject({ type: z.literal('take-control') }),
])

/** Reads one text frame; undefined when it is not a message of the protocol. */
export function parseClientMessage(text: string): ClientMessage | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  const parsed = clientMessage.safeParse(value)
  return parsed.success ? parsed.data : undefined
}
