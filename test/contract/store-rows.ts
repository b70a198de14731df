import type { SessionRow } from '../../server/core/session.ts'

/** A session's row with only what every row has. */
export function sessionRow(id: string, change: Partial<SessionRow> = {}): SessionRow {
  return {
    id,
    kind: 'terminal',
    detail: {},
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
    user: {
      subject: 'corp:ada',
      name: 'Ada Lovelace',
      groups: ['sre', 'leads'],
      issuer: 'https://idp.example.com',
      account: 'ada',
    },
    profile: 'netadmin',
    command: ['sh', '-c', 'echo "$1"'],
    kind: 'command',
    detail: { cwd: '$TARGET/var' },
    pick: 'crashing',
    copy: true,
    networkOnly: true,
    process: 'redis',
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
    end: {
      reason: 'exit',
      code: 'exited',
      exitCode: 0,
      by: { subject: 'corp:ada', name: 'Ada', issuer: 'i' },
      detail: 'bye',
      profiles: ['general'],
    },
    recordInput: true,
    recordingMode: 'best-effort',
    rules: [],
    approval: {
      outcome: 'approved',
      needs: [{ rule: 'four eyes', groups: ['leads'], count: 1 }],
      votes: [
        {
          decision: 'approve',
          by: { subject: 'grace', name: 'Grace Hopper', issuer: 'i', account: 'g', groups: ['leads'] },
          at: new Date('2026-02-03T04:05:06.999Z'),
          reason: 'go ahead',
        },
      ],
      plan: { image: 'busybox:1', maxDurationMs: 60_000 },
      expiresAt: new Date('2026-02-03T05:05:06.999Z'),
    },
    breakGlass: {
      needs: [{ rule: 'four eyes', groups: ['leads'], count: 1 }],
      review: {
        verdict: 'justified',
        by: { subject: 'grace', name: 'Grace Hopper', issuer: 'i' },
        at: new Date('2026-02-03T06:00:00.001Z'),
        reason: 'the site was down',
      },
    },
    container: { environment: 'prod', id: 'c', sessionId: id, targetId: 'uid' },
    recording: { key: 'k', sha256: 'ff', bytes: 5_000_000_000, outputBytes: 1, durationMs: 600_000 },
  })
}
