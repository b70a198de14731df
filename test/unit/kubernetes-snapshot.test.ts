import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formatTargetRef } from '../../server/core/target-ref.ts'
import { describePod, type PodRecord } from '../../server/drivers/kubernetes/catalog/describe.ts'
import type { Metadata } from '../../server/drivers/kubernetes/api/objects.ts'
import { SnapshotBuilder } from '../../server/drivers/kubernetes/catalog/snapshot.ts'
import { describeWorkload, type ControllerKind } from '../../server/drivers/kubernetes/catalog/workloads.ts'

const owner = (kind: string, name: string, uid: string): Metadata => ({
  ownerReferences: [{ apiVersion: 'apps/v1', kind, name, uid, controller: true }],
})

function pod(name: string, metadata: Metadata = {}, ready = true): PodRecord {
  return describePod({
    metadata: { name, namespace: 'payments', uid: `uid-${name}`, labels: { app: 'api' }, ...metadata },
    spec: { containers: [{ name: 'app', image: 'api:2' }] },
    status: {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
      containerStatuses: [
        {
          name: 'app',
          image: 'api:2',
          imageID: '',
          ready,
          restartCount: 2,
          state: ready ? { running: {} } : { waiting: { reason: 'CrashLoopBackOff' } },
        },
      ],
    },
  })
}

function workload(kind: ControllerKind, name: string, metadata: Metadata = {}, rest: object = {}) {
  const template = {
    metadata: { labels: { app: 'api' } },
    spec: { containers: [{ name: 'app', image: 'api:3' }] },
  }
  return describeWorkload(kind, {
    metadata: { name, namespace: 'payments', uid: `uid-${name}`, ...metadata },
    spec: { replicas: 2, template },
    ...rest,
  })
}

const api = workload('deployment', 'api')
const replicas = workload('replicaset', 'api-5f', owner('Deployment', 'api', 'uid-api'))
const ofReplicas = owner('ReplicaSet', 'api-5f', 'uid-api-5f')
const build = (pods: PodRecord[], workloads = [api, replicas]) =>
  new SnapshotBuilder('prod').build(pods, workloads)
const find = (snapshot: ReturnType<typeof build>, ref: string) =>
  snapshot.targets.find((target) => formatTargetRef(target.ref) === `prod/payments/${ref}`)

describe('what a pod is part of', () => {
  it('is every workload above it, verified by uid', () => {
    const snapshot = build([pod('api-1', ofReplicas)])
    const found = find(snapshot, 'pod/api-1')?.cluster
    assert.deepEqual(found?.names, ['pod/api-1', 'replicaset/api-5f', 'deployment/api'])
    assert.equal(found?.claims, undefined)
    assert.equal(snapshot.podsOf.get('uid-api')?.length, 1)
  })

  const forgeries: [string, Metadata, string[]][] = [
    ['another uid', owner('ReplicaSet', 'api-5f', 'uid-x'), ['replicaset/api-5f', 'deployment/api']],
    ['another name', owner('ReplicaSet', 'db-77', 'uid-api-5f'), ['replicaset/db-77', 'deployment/db']],
    ['another kind', owner('Deployment', 'api', 'uid-api-5f'), ['deployment/api']],
    ['another namespace', { ...ofReplicas, namespace: 'attacker' }, ['replicaset/api-5f', 'deployment/api']],
    ['a kind that is not watched', owner('Rollout', 'api', 'uid-r'), ['rollout/api']],
  ]
  for (const [what, metadata, claims] of forgeries) {
    it(`is only claimed with ${what}`, () => {
      const snapshot = build([pod('forged', metadata)])
      const cluster = snapshot.targets.find(({ name }) => name === 'forged')?.cluster
      assert.deepEqual([cluster?.names, cluster?.claims], [['pod/forged'], claims])
      assert.equal(snapshot.podsOf.size, 0)
      assert.deepEqual(find(snapshot, 'deployment/api')?.cluster?.pods, { total: 0, ready: 0 })
    })
  }

  it('is what it says only where the owner is the controller', () => {
    const [reference] = ofReplicas.ownerReferences ?? []
    assert.ok(reference)
    const snapshot = build([pod('api-1', { ownerReferences: [{ ...reference, controller: false }] })])
    assert.deepEqual(find(snapshot, 'pod/api-1')?.cluster?.names, ['pod/api-1'])
  })
})

describe('a workload in the list', () => {
  it('stands for its pods', () => {
    const row = find(build([pod('api-1', ofReplicas), pod('api-2', ofReplicas)]), 'deployment/api')
    assert.deepEqual([row?.id, row?.state, row?.status], ['uid-api', 'running', '2/2 ready'])
    assert.deepEqual([row?.image, row?.labels], ['api:3', { app: 'api' }])
    const { names, pod: chosen, restarts, pods } = row?.cluster ?? {}
    assert.deepEqual(
      [names, chosen, restarts, pods],
      [['deployment/api'], undefined, 4, { total: 2, ready: 2 }],
    )
  })

  it('fails when one of its pods does', () => {
    const row = find(build([pod('api-1', ofReplicas), pod('api-2', ofReplicas, false)]), 'deployment/api')
    assert.deepEqual([row?.state, row?.status], ['restarting', '1/2 ready: CrashLoopBackOff, 2 restarts'])
  })

  it('says why it has no pods', () => {
    const quota = {
      status: { conditions: [{ type: 'ReplicaFailure', status: 'True', message: 'exceeded quota' }] },
    }
    const job = (type: string, rest = {}) => ({ status: { conditions: [{ type, status: 'True', ...rest }] } })
    const cases = [
      [workload('deployment', 'api', {}, quota), 'created', 'No pods yet: exceeded quota'],
      [workload('statefulset', 'api', {}, { spec: { replicas: 0 } }), 'exited', 'Scaled to 0'],
      [workload('daemonset', 'api', {}, { status: { desiredNumberScheduled: 0 } }), 'exited', 'Scaled to 0'],
      [workload('job', 'api', {}, job('Complete')), 'exited', 'Completed'],
      [
        workload('job', 'api', {}, job('Failed', { reason: 'BackoffLimitExceeded' })),
        'exited',
        'Failed: BackoffLimitExceeded',
      ],
    ] as const
    for (const [record, state, status] of cases) {
      const row = find(build([], [record]), `${record.kind}/api`)
      assert.deepEqual([row?.state, row?.status], [state, status])
    }
  })

  it('is no replicaset of a deployment, but a bare one', () => {
    const kinds = build([], [api, replicas, workload('replicaset', 'bare')]).targets.map(({ ref }) =>
      formatTargetRef(ref),
    )
    assert.deepEqual(kinds, ['prod/payments/deployment/api', 'prod/payments/replicaset/bare'])
  })
})

describe('one snapshot after another', () => {
  it('has the same object for what has not changed, and a new one where an owner came or went', () => {
    const builder = new SnapshotBuilder('prod')
    const [one, two] = [pod('api-1', ofReplicas), pod('lone-1')]
    const first = builder.build([one, two], [api, replicas]).targets
    const second = builder.build([one, two], [api, replicas]).targets
    for (const [index, target] of first.entries()) assert.equal(second[index], target)
    const third = builder.build([one, two], [api]).targets
    const named = (targets: typeof first, name: string) => targets.find((target) => target.name === name)
    assert.equal(named(third, 'lone-1'), named(first, 'lone-1'))
    assert.deepEqual(named(third, 'api-1')?.cluster?.names, ['pod/api-1'])
    assert.deepEqual(named(third, 'api-1')?.cluster?.claims, ['replicaset/api-5f', 'deployment/api'])
  })
})
