import type { Person } from './same-person.ts'
import type { SessionRow } from './session.ts'

export const notificationKinds = [
  'approval-requested',
  'approved',
  'denied',
  'expired',
  'break-glass',
  'reviewed',
] as const

/** Something that other people have to know, or to do something about. */
export interface Notification {
  kind: (typeof notificationKinds)[number]
  session: SessionRow
  /** Who decided or reviewed. */
  by?: Person
  /** Their words. */
  reason?: string
}

/** Takes note and returns at once. Never throws: nobody's request waits for a message, or fails with it. */
export type Notify = (notification: Notification) => void
