import type { Session } from '../../../server/protocol/session-api.ts'
import { shownCommand } from '../../../server/protocol/shown-command.ts'
import { Badge } from '../../components/badge.tsx'
import { Id, Panel, Row } from '../../components/panel.tsx'
import { duration, inWords, moment } from '../../lib/format.ts'

/** Who, what, why, as whom, until when, and who looks on. */
export function SessionFacts({ session, now }: { session: Session; now: number }) {
  return (
    <>
      <RequestFacts session={session} />
      <PlaceFacts session={session} />
      <TimeFacts session={session} now={now} />
      {session.state === 'ended' || session.run === true ? null : <ViewerFacts session={session} />}
    </>
  )
}

function RequestFacts({ session }: { session: Session }) {
  const { command, target } = session
  return (
    <Panel title="Request">
      <Row name="User">
        {session.user.name} <span className="mono faint">{session.user.subject}</span>
      </Row>
      <Row name="Reason">{session.reason ?? <span className="faint">none given</span>}</Row>
      {session.ticket === undefined ? null : <Row name="Ticket">{session.ticket}</Row>}
      <Row name="Toolbox">
        <span className="mono">{session.toolbox}</span>, profile{' '}
        <span className="mono">{session.profile}</span>
      </Row>
      {command === undefined ? null : (
        <Row name={session.run === true ? 'Runs' : 'Command'}>
          <code className="run-line breakable">{shownCommand(command)}</code>
          {session.cwd === undefined ? null : (
            <span className="mono muted"> in {shownCommand([session.cwd])}</span>
          )}
        </Row>
      )}
      {session.process === undefined ? null : (
        <Row name="Process">
          <span className="mono">{session.process}</span> <span className="muted">was asked for</span>
        </Row>
      )}
      {/* What the server resolves here is the image that the debug container really runs. */}
      {target.resolved.imageDigest === undefined ? null : (
        <Row name="Its image">
          <Id text={target.resolved.imageDigest} label="toolbox image id" />
        </Row>
      )}
      <Row name="Allowed by">{session.rules.length === 0 ? '—' : session.rules.join(', ')}</Row>
      <Row name="Session id">
        <Id text={session.id} label="session id" />
      </Row>
    </Panel>
  )
}

function PlaceFacts({ session }: { session: Session }) {
  const { identity, target } = session
  const isPod = target.resolved.pod !== undefined
  return (
    <Panel title={isPod ? 'Pod' : 'Container'}>
      {target.resolved.pod === undefined ? null : (
        <>
          <Row name="Pod">
            <Id text={target.resolved.pod} label="pod name" />
            {session.copy === true ? <span className="muted">in a debug copy of it</span> : null}
            {session.scope === 'network' ? <span className="muted">its network alone</span> : null}
          </Row>
          <Row name="Container">
            <span className="mono">{target.resolved.container ?? '—'}</span>
          </Row>
          <Row name="Namespace">
            <span className="mono">{target.namespace}</span>
          </Row>
        </>
      )}
      <Row name="Image">
        <span className="mono breakable">{target.image}</span>
      </Row>
      <Row name={isPod ? 'Pod uid' : 'Resolved to'}>
        <Id text={target.resolved.id} label={isPod ? 'pod uid' : 'container id'} />
      </Row>
      {target.resolved.node === undefined ? null : <Row name="Node">{target.resolved.node}</Row>}
      {identity === undefined ? null : (
        <>
          <Row name="Runs as">
            <code>
              {identity.uid}:{identity.gid}
            </code>{' '}
            {identity.capabilities.map((capability) => (
              <Badge key={capability}>{capability}</Badge>
            ))}
          </Row>
          <Row name="That means">{identity.explanation}</Row>
        </>
      )}
    </Panel>
  )
}

function TimeFacts({ session, now }: { session: Session; now: number }) {
  return (
    <Panel title="Time">
      <Row name="Requested">{moment(session.requestedAt)}</Row>
      {session.startedAt === undefined ? null : <Row name="Started">{moment(session.startedAt)}</Row>}
      {session.endedAt === undefined ? null : <Row name="Ended">{moment(session.endedAt)}</Row>}
      {session.end === undefined ? (
        <Row name="Ends">
          in {duration(Date.parse(session.deadline) - now)}
          {session.run === true
            ? ' at the latest'
            : `, or after ${inWords(session.idleTimeoutSeconds)} without a key`}
        </Row>
      ) : null}
      {session.run !== true || session.end?.exitCode === undefined ? null : (
        <Row name="Exit code">{session.end.exitCode}</Row>
      )}
    </Panel>
  )
}

function ViewerFacts({ session: { viewers } }: { session: Session }) {
  return (
    <Panel title="Viewers">
      {viewers.length === 0 ? (
        <Row name="Now">
          <span className="faint">nobody is connected; the session goes on</span>
        </Row>
      ) : (
        viewers.map((viewer) => (
          <Row key={viewer.id} name={viewer.role === 'controller' ? 'Types' : 'Watches'}>
            {viewer.name} <span className="mono faint">{viewer.subject}</span>
          </Row>
        ))
      )}
    </Panel>
  )
}
