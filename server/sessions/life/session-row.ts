import { randomBytes } from 'node:crypto'
import type { SessionRow } from '../../core/session.ts'
import { namespaceOf, type TargetRef } from '../../core/target-ref.ts'
import type { Target } from '../../core/target.ts'
import { shownCommand } from '../../protocol/shown-command.ts'
import { kindOf } from '../kinds/kinds.ts'
import type { OpenRequest } from '../sessions.ts'

/** The row of a session that starts now. */
export function rowOf(request: OpenRequest): SessionRow {
  const { target, grant, who } = request
  const now = Date.now()
  return {
    // 80 random bits, in letters that container names and URLs take as they are.
    id: randomBytes(10).toString('hex'),
    kind: request.kind,
    detail: request.detail,
    state: 'starting',
    target: targetOf(request.ref, target),
    user: userOf(who),
    toolbox: request.toolbox.name,
    profile: request.profile,
    ...(request.command === undefined ? {} : { command: request.command }),
    ...(request.pick === undefined ? {} : { pick: request.pick }),
    ...(request.copy === true ? { copy: true } : {}),
    ...(request.networkOnly === true ? { networkOnly: true } : {}),
    ...(request.process === undefined ? {} : { process: request.process }),
    ...(request.reason === undefined ? {} : { reason: request.reason }),
    ...(request.ticket === undefined ? {} : { ticket: request.ticket }),
    size: request.size,
    requestedAt: new Date(now),
    deadline: new Date(now + grant.maxDurationMs),
    idleTimeoutMs: grant.idleTimeoutMs,
    recordInput: grant.recordInput,
    ...(grant.exclusive && { exclusive: true }),
    recordingMode: grant.recording,
    rules: request.rules,
    ...(request.breakGlass === undefined ? {} : { breakGlass: { needs: request.breakGlass } }),
  }
}

function userOf({ subject, name, groups, issuer, account }: OpenRequest['who']): SessionRow['user'] {
  return { subject, name, groups, issuer, ...(account === undefined ? {} : { account }) }
}

/** What the target's row says of what it was resolved to: a request may be resolved again before it starts. */
export function targetOf(ref: string, target: Target): SessionRow['target'] {
  return {
    ref,
    name: target.name,
    ...placeOf(target.ref),
    image: target.image,
    labels: target.labels,
    ...(target.cluster === undefined ? {} : { names: target.cluster.names }),
    resolved: resolvedOf(target),
  }
}

function resolvedOf({ id, node, cluster, facts, unknownFacts }: Target): SessionRow['target']['resolved'] {
  return {
    id,
    ...(cluster?.pod === undefined ? {} : { pod: cluster.pod }),
    ...(cluster?.container === undefined ? {} : { container: cluster.container }),
    ...(node === undefined ? {} : { node }),
    ...(cluster?.claims === undefined ? {} : { claims: cluster.claims }),
    ...(facts === undefined ? {} : { facts }),
    ...(unknownFacts === undefined || unknownFacts.length === 0 ? {} : { unknownFacts }),
  }
}

function placeOf(ref: TargetRef): { environment: string; namespace?: string } {
  const namespace = namespaceOf(ref)
  return { environment: ref.environment, ...(namespace !== undefined && { namespace }) }
}

/** For the audit log: what exactly runs where. */
export function factsOf(row: SessionRow): Record<string, string> {
  return {
    container: row.target.resolved.id,
    ...(row.target.resolved.pod === undefined ? {} : { pod: row.target.resolved.pod }),
    ...(row.copy === true ? { copy: 'true' } : {}),
    ...(row.networkOnly === true ? { scope: 'network' } : {}),
    ...(row.process === undefined ? {} : { process: row.process }),
    ...factsInWords(row.target.resolved),
    image: row.target.image,
    toolbox: row.toolbox,
    profile: row.profile,
    ...(row.command === undefined ? {} : { command: shownCommand(row.command).slice(0, 500) }),
    ...kindOf(row).facts(row.detail),
    ...(row.ticket === undefined ? {} : { ticket: row.ticket }),
  }
}

function factsInWords({ facts = [], unknownFacts = [] }: SessionRow['target']['resolved']) {
  return {
    ...(facts.length === 0 ? {} : { facts: facts.join(',') }),
    ...(unknownFacts.length === 0 ? {} : { unknownFacts: unknownFacts.join(',') }),
  }
}

/** A row's target with the digest of the toolbox image, when one is known. */
export function withImage(target: SessionRow['target'], imageDigest: string): SessionRow['target'] {
  return imageDigest === '' ? target : { ...target, resolved: { ...target.resolved, imageDigest } }
}
