import { useEffect, useRef, type RefObject } from 'react'
import type { Session, SessionEnd } from '../../server/protocol/session-api.ts'
import { requestEndInWords } from '../lib/approval-words.ts'
import { duration } from '../lib/format.ts'
import { endInWords, isCalmEnd } from '../lib/words.ts'
import { openAgainPath, replayPath } from '../lib/session-paths.ts'
import { ButtonLink } from '../components/button.tsx'
import './end-panel.css'

interface Props {
  session: Session
  end: SessionEnd
}

/** The end of a session under its last screen. */
export function EndBar({ session, end }: Props) {
  return (
    <div className="ws-end-bar" data-calm={isCalmEnd(end)} aria-live="polite">
      <p>
        <strong>{endInWords(end)}</strong>
        {facts(session, end).map((fact) => (
          <span key={fact}>{fact}</span>
        ))}
      </p>
      <EndLinks session={session} end={end} />
    </div>
  )
}

/** The end of a session that never had a screen: a failed or cancelled start, or one that ended before this page came. */
export function EndCard({ session, end }: Props) {
  const request = requestEndInWords({ ...session, end })
  const failed = hasFailed(session, end)
  const isLong = (end.detail?.length ?? 0) > 160
  return (
    <section
      className="ws-stage-card"
      data-calm={isCalmEnd(end)}
      data-wide={isLong}
      role={failed ? 'alert' : 'status'}
    >
      <h2>{request ?? titleOf(session, end)}</h2>
      {end.detail === undefined || (!failed && request === undefined) ? null : (
        <p className="ws-end-detail">{end.detail}</p>
      )}
      <p className="ws-stage-quiet">
        {request === undefined
          ? failed
            ? whatToDo(session)
            : facts(session, end).join(' · ')
          : `Nothing was started in ${session.target.name}. You may ask again.`}
      </p>
      <EndLinks session={session} end={end} />
    </section>
  )
}

/** It never came to run. What ran and was then forbidden did not fail. */
function hasFailed({ startedAt }: Session, end: SessionEnd): boolean {
  if (startedAt !== undefined) return false
  return end.reason === 'failed' || end.reason === 'denied'
}

function whatToDo({ target }: Session): string {
  // A debug container that was added and then failed stays in the pod's list, so that is not promised there.
  return target.namespace === undefined
    ? 'Nothing was changed in the target, and nothing of this start was left behind. Start again, or choose another toolbox or profile.'
    : 'Nothing of this start runs on. Start again, or choose another toolbox or profile.'
}

function EndLinks({ session, end }: Props) {
  const ran = session.startedAt !== undefined
  const canReplay = ran && session.recording.state !== 'missing' && session.can.replay
  const other = end.profiles?.find((profile) => profile !== session.profile)
  const links = useFocusAtEnd()
  return (
    <div ref={links} className="ws-end-links" data-next="">
      {canReplay ? <ButtonLink href={replayPath(session.id)}>Replay</ButtonLink> : null}
      {other === undefined ? null : (
        <ButtonLink
          kind={other === 'sysadmin' ? 'plain' : 'primary'}
          href={openAgainPath(session, { profile: other })}
        >
          Try with profile {other}
        </ButtonLink>
      )}
      <ButtonLink
        kind={other === undefined || other === 'sysadmin' ? 'primary' : 'plain'}
        href={openAgainPath(session)}
      >
        {requestEndInWords({ ...session, end }) === undefined ? againInWords(session, end) : 'Ask again'}
      </ButtonLink>
    </div>
  )
}

// Longer than the last keys of somebody who types on while the session ends.
const lateKeysMs = 700

/**
 * The keys belonged to the shell, which is gone: they go to what one does next. Not to something that somebody has turned to
 * meanwhile; and an Enter that was meant for the shell follows no link.
 */
function useFocusAtEnd(): RefObject<HTMLDivElement | null> {
  const links = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const element = links.current
    if (element === null) return undefined
    if (isShellsOrNobodys(document.activeElement)) element.querySelector<HTMLElement>('.primary')?.focus()
    const shownAt = performance.now()
    const onKeyDown = (event: KeyboardEvent): void => {
      if (event.key !== 'Enter') return
      if (event.repeat || performance.now() - shownAt < lateKeysMs) event.preventDefault()
    }
    element.addEventListener('keydown', onKeyDown)
    return () => element.removeEventListener('keydown', onKeyDown)
  }, [])
  return links
}

/** The stage holds the search field too, which is somebody's own. */
function isShellsOrNobodys(active: Element | null): boolean {
  return active === null || active.matches('body, main') || active.closest('.ws-stage-host') !== null
}

function againInWords({ target, copy }: Session, end: SessionEnd): string {
  // A workload has another pod by now, or soon.
  const isWorkload = target.namespace !== undefined && target.ref.split('/')[2] !== 'pod'
  const isGone = end.reason === 'target-exited' || end.reason === 'lost'
  return isWorkload && isGone && copy !== true ? 'Open the current pod' : 'Start again'
}

function titleOf(session: Session, end: SessionEnd): string {
  const { name } = session.target
  if (hasFailed(session, end)) return `${name} could not be opened`
  const ran = session.startedAt !== undefined
  return ran || end.reason !== 'terminated' ? endInWords(end) : `The start in ${name} was cancelled`
}

function facts(session: Session, end: SessionEnd): string[] {
  const { startedAt, endedAt } = session
  return [
    end.reason === 'failed' ? '' : (end.detail ?? ''),
    // Any other code is in the words already.
    end.exitCode === 0 ? 'exit code 0' : '',
    startedAt === undefined || endedAt === undefined
      ? ''
      : `ran for ${duration(Date.parse(endedAt) - Date.parse(startedAt))}`,
  ].filter((fact) => fact !== '')
}
