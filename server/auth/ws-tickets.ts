import { createHash, randomBytes } from 'node:crypto'
import { HatchwayError } from '../core/errors.ts'
import type { TicketDesk, TicketHolder } from '../core/authentication.ts'

const validMs = 30_000
const maxOpenTickets = 10_000

/** One-use tickets keep the JWT out of the URL, where proxies would log it. In memory: they don't outlive this process. */
export function createWsTickets(options: { now?: () => number } = {}): TicketDesk {
  const now = options.now ?? Date.now
  // In order of expiry, because all live equally long.
  const open = new Map<string, { sessionId: string; holder: TicketHolder; expiresAt: number }>()
  const dropExpired = () => {
    for (const [hash, entry] of open) {
      if (entry.expiresAt > now()) return
      open.delete(hash)
    }
  }
  return {
    issue(sessionId, who, loginKey) {
      dropExpired()
      if (open.size >= maxOpenTickets) {
        throw new HatchwayError(
          'too_many_requests',
          'Too many unused terminal tickets are open. Try again in 30 seconds.',
        )
      }
      const ticket = randomBytes(32).toString('base64url')
      const expiresAt = now() + validMs
      const holder = { who, ...(loginKey !== undefined && { loginKey }) }
      open.set(sha256(ticket), { sessionId, holder, expiresAt })
      return { ticket, expiresAt: new Date(expiresAt) }
    },
    redeem(ticket, sessionId) {
      dropExpired()
      const hash = sha256(ticket)
      const entry = open.get(hash)
      open.delete(hash)
      if (entry?.sessionId !== sessionId || entry.holder.who.expiresAt.getTime() <= now()) return undefined
      return entry.holder
    },
  }
}

// The map is looked up by hash, so the time of a lookup says nothing about a ticket.
function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
