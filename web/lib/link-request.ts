import { useSyncExternalStore } from 'react'
import type { Session } from '../../server/protocol/session-api.ts'

/** For which target somebody wants a link, with what the link should begin with. */
export interface LinkRequest {
  ref: string
  process?: string
  toolbox?: string
  profile?: string
  reason?: string
  ticket?: string
  run?: string
}

/** For the target of a session, with its choices; its reason and ticket were about then. */
export function linkRequestOf({ target, process, toolbox, profile }: Session): LinkRequest {
  return { ref: target.ref, ...(process === undefined ? {} : { process }), toolbox, profile }
}

let current: LinkRequest | undefined
const listeners = new Set<() => void>()

/** Opens the dialog, from wherever the target is shown. */
export function askForLink(request: LinkRequest): void {
  current = request
  for (const listener of listeners) listener()
}

export function closeLinkDialog(): void {
  current = undefined
  for (const listener of listeners) listener()
}

export function useLinkRequest(): LinkRequest | undefined {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => current,
  )
}
