import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Target } from '../../server/protocol/target-api.ts'
import { shortStatus, toneOf } from '../../web/lib/target-status.ts'

const container = (ready: boolean, change: Partial<NonNullable<Target['containers']>[number]> = {}) => ({
  name: 'app',
  image: 'api:1',
  kind: 'app' as const,
  state: 'running' as const,
  status: 'Running',
  ready,
  restarts: 0,
  ...change,
})

function look(change: Partial<Target>): [string, string] {
  const target: Target = {
    ref: 'prod/payments/pod/api-1',
    id: 'uid-1',
    environment: 'prod',
    kind: 'kubernetes',
    namespace: 'payments',
    name: 'api-1',
    image: 'api:1',
    state: 'running',
    status: 'Running, 1/1 ready',
    createdAt: '2026-01-02T03:04:05Z',
    labels: {},
    ports: [],
    warnings: [],
    containers: [container(true)],
    canOpen: true,
    ...change,
  }
  return [toneOf(target), shortStatus(target)]
}

describe('how a pod looks in a list', () => {
  it('is green only when it is ready, and says so where it is not', () => {
    assert.deepEqual(look({}), ['ok', 'Running'])
    assert.deepEqual(look({ status: 'Running, 1/1 ready, 3 restarts' }), ['ok', 'Running'])
    assert.deepEqual(look({ status: 'Running, 0/1 ready', containers: [container(false)] }), [
      'warn',
      'Not ready',
    ])
    assert.deepEqual(
      look({ status: 'Running, 1/2 ready', containers: [container(true), container(false)] }),
      ['warn', 'Partly ready'],
    )
  })

  it('asks neither init nor debug containers', () => {
    const others = [container(false, { kind: 'init' }), container(false, { kind: 'debug' })]
    assert.deepEqual(look({ containers: [container(true), ...others] }), ['ok', 'Running'])
  })

  it('is not green on a silent node, nor behind a gate', () => {
    for (const why of ['node n1 does not answer', 'waits for a readiness gate'])
      assert.deepEqual(look({ status: `Running, 1/1 ready, ${why}` }), ['warn', `Running, ${why}`])
  })

  it('counts the pods of a workload', () => {
    const pods = (ready: number, total: number) => ({
      status: `${ready}/${total} ready`,
      pods: { ready, total },
    })
    assert.deepEqual(look(pods(3, 3)), ['ok', 'Ready'])
    assert.deepEqual(look(pods(1, 3)), ['warn', 'Partly ready'])
    assert.deepEqual(look({ ...pods(0, 1), status: '0/1 ready: Running, 0/1 ready' }), ['warn', 'Not ready'])
  })

  it('begins with what tells one crash from another, and with what failed', () => {
    const crash = {
      state: 'restarting' as const,
      status: 'Crashing: CrashLoopBackOff, exit code 137, 4 restarts',
    }
    assert.deepEqual(look(crash), ['bad', 'Crashing: exit code 137, CrashLoopBackOff'])
    assert.deepEqual(look({ state: 'exited', status: 'Failed: exit code 2' }), ['bad', 'Failed: exit code 2'])
    assert.deepEqual(look({ state: 'exited', status: 'Completed' }), ['neutral', 'Completed'])
  })

  it('is what the engine says of a container', () => {
    const docker = { kind: 'docker' as const, containers: undefined }
    assert.deepEqual(look({ ...docker, status: 'Up 3 hours (unhealthy)' }), ['bad', 'Up 3 hours (unhealthy)'])
    assert.deepEqual(look({ ...docker, status: 'Up 3 hours' }), ['ok', 'Up 3 hours'])
  })
})
