/** What receivers get. Reason and names are people's words: they are data in JSON, and escaped for Slack. */
import type { Notification } from '../core/notification.ts'
import { personOf } from '../core/same-person.ts'

const headlines: Record<Notification['kind'], string> = {
  'approval-requested': 'asks for approval of a session in',
  approved: 'may start a session in',
  denied: 'was denied a session in',
  expired: 'waited in vain for approval of a session in',
  'break-glass': 'BROKE THE GLASS: started a session without approval in',
  reviewed: 'was reviewed for the break-glass session in',
}

export function genericBody({ kind, session, by, reason }: Notification, publicUrl?: string): object {
  const { id, target, user, toolbox, profile, process, command, ticket, approval, breakGlass } = session
  return {
    kind,
    at: new Date().toISOString(),
    session: {
      id,
      url: linkTo(session.id, publicUrl),
      target: target.ref,
      resolved: target.resolved,
      user: personOf(user),
      toolbox,
      profile,
      process,
      command,
      reason: session.reason,
      ticket,
      needs: (approval ?? breakGlass)?.needs,
      expiresAt: approval?.expiresAt.toISOString(),
    },
    by: by && personOf(by),
    reason,
  }
}

/** An incoming webhook of Slack, or of what understands the same. */
export function slackBody({ kind, session, by, reason }: Notification, publicUrl?: string): object {
  const url = linkTo(session.id, publicUrl)
  const process = session.process === undefined ? '' : `, process \`${escape(session.process)}\``
  const lines = [
    `*${escape(session.user.name)}* ${headlines[kind]} \`${escape(session.target.ref)}\`${process} (toolbox ${escape(session.toolbox)}, profile ${session.profile})`,
    ...(session.reason === undefined ? [] : [`Reason: ${escape(session.reason)}`]),
    ...(session.ticket === undefined ? [] : [`Ticket: ${escape(session.ticket)}`]),
    ...(by === undefined
      ? []
      : [`By ${escape(by.name)}${reason === undefined ? '' : `: ${escape(reason)}`}`]),
    ...(url === undefined ? [] : [`<${url}|Open in Hatchway>`]),
  ]
  return { text: lines.join('\n') }
}

function linkTo(id: string, publicUrl: string | undefined): string | undefined {
  return publicUrl === undefined ? undefined : `${publicUrl}/sessions/${id}`
}

/** Slack's three control characters; without them nobody's words become a link, a mention or another line's markup. */
function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('`', "'")
}
