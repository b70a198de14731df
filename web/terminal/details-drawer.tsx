import type { ReactNode } from 'react'
import type { Session } from '../../server/protocol/session-api.ts'
import { inWords, moment } from '../lib/format.ts'
import { useTarget } from '../lib/queries.ts'
import { profileWords } from '../lib/words.ts'
import { CrossIcon } from '../components/icons.tsx'
import './details-drawer.css'

/** Everything about the session that does not need to be seen all the time. */
export function DetailsDrawer({ session, onClose }: { session: Session; onClose: () => void }) {
  const { identity } = session
  return (
    <aside className="ws-panel ws-details" data-region="panel" aria-label="Session details">
      <div className="ws-details-head">
        <h2>Session details</h2>
        <button type="button" className="icon-button" aria-label="Close details" onClick={onClose}>
          <CrossIcon />
        </button>
      </div>
      <Warnings targetRef={session.target.ref} />
      <h3>What you can see and do</h3>
      <p>{identity?.explanation ?? profileWords[session.profile]}</p>
      {identity !== undefined && !identity.seesFiles ? (
        <p className="ws-details-warning">The target’s files are not readable with this identity.</p>
      ) : null}
      <dl>
        {identity === undefined ? null : (
          <>
            <Fact name="Runs as">
              {identity.uid}:{identity.gid}
              {identity.groups.length > 0 ? ` (groups ${identity.groups.join(', ')})` : ''}
            </Fact>
            <Fact name="Capabilities">{identity.capabilities.join(' ') || 'none'}</Fact>
          </>
        )}
        <Fact name="Toolbox">{session.toolbox}</Fact>
        <Fact name="Profile">{session.profile}</Fact>
        <Fact name="Target">
          <code>{session.target.ref}</code>
        </Fact>
        {session.target.resolved.pod === undefined ? (
          <Fact name="Container">
            <code>{session.target.resolved.id.slice(0, 12)}</code>
          </Fact>
        ) : (
          <>
            <Fact name="Pod">
              <code>{session.target.resolved.pod}</code>
              {session.copy === true ? ' (a debug copy of it)' : ''}
              {session.scope === 'network' ? ' (its network alone)' : ''}
            </Fact>
            <Fact name="Container">
              <code>{session.target.resolved.container}</code>
            </Fact>
            <Fact name="Namespace">
              <code>{session.target.namespace}</code>
            </Fact>
          </>
        )}
        <Fact name="Image">
          <code>{session.target.image}</code>
        </Fact>
        {session.target.resolved.node === undefined ? null : (
          <Fact name="Node">{session.target.resolved.node}</Fact>
        )}
      </dl>
      <h3>Limits and rules</h3>
      <dl>
        <Fact name="Ends at">{moment(session.deadline)}</Fact>
        <Fact name="Ends when idle for">{inWords(session.idleTimeoutSeconds)}</Fact>
        <Fact name="Allowed by">{session.rules.join(', ') || 'the default policy'}</Fact>
      </dl>
      <h3>Record</h3>
      <dl>
        <Fact name="Opened by">{session.user.name}</Fact>
        <Fact name="Opened at">{moment(session.requestedAt)}</Fact>
        {session.reason === undefined ? null : <Fact name="Reason">{session.reason}</Fact>}
        {session.ticket === undefined ? null : <Fact name="Ticket">{session.ticket}</Fact>}
        <Fact name="Session">
          <code>{session.id}</code>
        </Fact>
      </dl>
    </aside>
  )
}

function Warnings({ targetRef }: { targetRef: string }) {
  const warnings = useTarget(targetRef).data?.warnings ?? []
  if (warnings.length === 0) return null
  return (
    <ul className="ws-details-warnings" aria-label="Warnings about the target">
      {warnings.map((warning) => (
        <li key={warning}>{warning}</li>
      ))}
    </ul>
  )
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="ws-fact">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}
