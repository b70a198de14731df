import type { SessionRow } from '../../server/core/session.ts'

/** A session's row with only what every row has. */
export function sessionRow(id: string, change: Partial<SessionRow> = {}): SessionRow {
  return {
    id,
    state: 'starting',
    target: {
      ref: 'local/web-1',
      name: 'web-1',
      environment: 'local',
      image: 'registry.example/web:1',
      labels: {},
      resolved: { id: 'f00d' },
    },
    user: { subject: 'ada', name: 'Ada Lovelace', groups: [] },
    toolbox: 'busybox',
    profile: 'auto',
    size: { cols: 80, rows: 24 },
    requestedAt: new Date('2026-02-03T04:05:06.789Z'),
    deadline: new Date('2026-02-03T05:05:06.789Z'),
    idleTimeoutMs: 900_000,
    recordInput: false,
    recordingMode: 'strict',
    rules: ['on-call'],
    ...change,
  }
}

/** A session's row with everything that a row can have. */
export function fullSessionRow(id: string): SessionRow {
  return sessionRow(id, {
    state: 'ended',
    target: {
      ref: 'prod/payments/deployment/api/app',
      name: 'api-7c9f-x2x1q',
      environment: 'prod',
      namespace: 'payments',
      image: 'api:2',
      labels: { tier: 'backend', 'a.b/c': '' },
      names: ['deployment/api', 'replicaset/api-7c9f', 'pod/api-7c9f-x2x1q'],
      resolved: {
        id: 'uid',
        pod: 'api-7c9f-x2x1q',
        container: 'app',
        imageDigest: 'sha256:1',
        node: 'n1',
      },
    },
    user: { subject: 'ada', name: 'Ada Lovelace', groups: ['sre', 'leads'] },
    profile: 'netadmin',
    copy: true,
    identity: {
      uid: 65532,
      gid: 0,
      groups: [1, 2],
      capabilities: ['SYS_PTRACE'],
      seesFiles: true,
      explanation: 'as the target',
    },
    reason: "it's 3 a.m. — \u{1F525}",
    ticket: 'INC-1',
    startedAt: new Date('2026-02-03T04:05:07.001Z'),
    endedAt: new Date('2026-02-03T04:15:07.002Z'),
    end: { reason: 'exit', exitCode: 0, by: 'ada', detail: 'bye' },
    recordInput: true,
    recordingMode: 'best-effort',
    rules: [],
    container: { environment: 'prod', id: 'c', sessionId: id, targetId: 'uid' },
    recording: { key: 'k', sha256: 'ff', bytes: 5_000_000_000, outputBytes: 1, durationMs: 600_000 },
  })
}
