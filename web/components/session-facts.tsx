import type { ReactNode } from 'react'
import type { Session } from '../../server/protocol/session-api.ts'
import { Badge } from './badge.tsx'
import { CopyButton } from './copy-button.tsx'
import { duration, inWords, moment } from '../lib/format.ts'
import { shownCommand } from '../../server/protocol/shown-command.ts'
import './session-facts.css'

/** Who, what, why, as whom, until when, and who looks on. */
export function SessionFacts({ session, now }: { session: Session; now: number }) {
  const { command, identity, target } = session
  return (
    <>
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
      <Panel title={target.resolved.pod === undefined ? 'Container' : 'Pod'}>
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
        <Row name={target.resolved.pod === undefined ? 'Resolved to' : 'Pod uid'}>
          <Id
            text={target.resolved.id}
            label={target.resolved.pod === undefined ? 'container id' : 'pod uid'}
          />
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
      {session.state === 'ended' || session.run === true ? null : (
        <Panel title="Viewers">
          {session.viewers.length === 0 ? (
            <Row name="Now">
              <span className="faint">nobody is connected; the session goes on</span>
            </Row>
          ) : (
            session.viewers.map((viewer) => (
              <Row key={viewer.id} name={viewer.role === 'controller' ? 'Types' : 'Watches'}>
                {viewer.name} <span className="mono faint">{viewer.subject}</span>
              </Row>
            ))
          )}
        </Panel>
      )}
    </>
  )
}

export function Panel({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className="panel" aria-label={title}>
      <h2 className="section-title">{title}</h2>
      <dl>{children}</dl>
    </section>
  )
}

export function Row({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="fact">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}

/** A long id: cut for the eye, whole for the clipboard. */
export function Id({ text, label }: { text: string; label: string }) {
  return (
    <span className="id">
      <code className="cut" title={text}>
        {text}
      </code>
      <CopyButton text={text} label={label} />
    </span>
  )
}
