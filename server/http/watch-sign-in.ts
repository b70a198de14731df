import type { WebSocket } from 'ws'
import { closeCodes } from '../protocol/terminal.ts'
import type { Caller } from './authenticate.ts'
import { setTimerAt } from '../core/timer-at.ts'
import type { BrowserLogins, Login } from '../core/authentication.ts'
import type { TerminalViewer } from './terminal-viewer.ts'

const expiryNoticeMs = 60_000
/** How often a provider that gives no answer is asked again, while its last word is still good. */
const retryMs = 5_000

interface SignInOfSocket {
  /** `who` is replaced by what the provider says each time. */
  caller: Caller
  /** Groups may have changed: asks policy whether the caller may still be here. */
  onRenewed: () => void
}

/**
 * Keeps a terminal open as long as the sign-in that it came with: a token until it expires, a browser's login while its
 * identity provider agrees. `caller.who` is kept as the provider last described them, so that policy sees changed groups.
 * Tells the viewer a minute before the end, then closes. The session itself goes on. Call the result to stop.
 */
export function watchSignIn(
  logins: Pick<BrowserLogins, 'findKey' | 'knownKey'>,
  viewer: TerminalViewer,
  socket: WebSocket,
  { caller, onRenewed }: SignInOfSocket,
): () => void {
  let stops: (() => void)[] = []
  const stop = () => {
    for (const each of stops) each()
    stops = []
  }
  const at = (time: number, work: () => void) => stops.push(setTimerAt(time, work))
  let warned = false
  const warnBefore = (end: Date) => {
    // Each renewal in the last minute comes by here.
    if (warned) return
    at(end.getTime() - expiryNoticeMs, () => {
      warned = true
      warn(viewer, end)
    })
  }
  const closeAt = (end: Date) => {
    warnBefore(end)
    at(end.getTime(), () => viewer.close(closeCodes.expired, 'token expired'))
  }
  const watch = (login: Login) => {
    stop()
    if (socket.readyState !== socket.OPEN) return
    const { renewAt, endsAt } = login
    if (renewAt === undefined || renewAt >= endsAt) closeAt(endsAt)
    else {
      warnBefore(endsAt)
      at(nextLook(renewAt, caller.who.expiresAt), () => void look(login))
    }
  }
  const look = async (login: Login) => {
    const renewed = await logins.findKey(login.key).catch(() => 'silent' as const)
    if (socket.readyState !== socket.OPEN) return
    if (renewed === undefined) viewer.close(closeCodes.expired, 'the sign-in has ended')
    else if (renewed === 'silent') {
      // Whoever reconnects is told why, and is let in as soon as there is an answer.
      if (caller.who.expiresAt.getTime() <= Date.now())
        viewer.close(closeCodes.restart, 'the identity provider gives no answer')
      else at(nextLook(new Date(), caller.who.expiresAt), () => void look(login))
    } else {
      caller.who = renewed.who
      onRenewed()
      watch(renewed)
    }
  }
  if (caller.login === undefined) closeAt(caller.who.expiresAt)
  else {
    watch(caller.login)
    void closeIfGone(logins, viewer, caller.login.key)
  }
  return stop
}

/** Whoever signed out while this socket was let in did not find it among those to close. */
async function closeIfGone(
  logins: Pick<BrowserLogins, 'knownKey'>,
  viewer: TerminalViewer,
  key: string,
): Promise<void> {
  // A store that does not answer now is asked again with the next renewal.
  const found = await logins.knownKey(key).catch(() => 'silent' as const)
  if (found === undefined) viewer.close(closeCodes.expired, 'signed out')
}

/** When it is time; later when the provider was just asked in vain, but not later than its last word is good. */
function nextLook(renewAt: Date, expiresAt: Date): number {
  const now = Date.now()
  if (renewAt.getTime() > now) return renewAt.getTime()
  return expiresAt.getTime() > now ? Math.min(now + retryMs, expiresAt.getTime()) : now + retryMs
}

function warn(viewer: TerminalViewer, end: Date): void {
  const seconds = Math.max(0, Math.round((end.getTime() - Date.now()) / 1000))
  viewer.send({
    type: 'notice',
    level: 'warning',
    text: `Your sign-in expires in ${seconds} seconds. Sign in again to stay connected; the session goes on.`,
  })
}
