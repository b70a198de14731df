import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Target } from '../../server/protocol/target-api.ts'
import { commonName, debugPlace } from '../../web/pages/debug/debug-place.ts'
import {
  chooseNamespace,
  countStates,
  namespaceOptions,
  podsPath,
  readFilters,
  readSort,
  targetQuery,
  withWords,
} from '../../web/lib/target-filters.ts'
import { allLabels, labelsInWords, withoutAge } from '../../web/pages/targets/container-words.ts'

const target = (change: Partial<Target> = {}): Target => ({
  ref: 'prod/payments/deployment/api',
  id: 'uid-1',
  environment: 'prod',
  kind: 'kubernetes',
  namespace: 'payments',
  name: 'api',
  image: 'registry.example/api:1',
  state: 'running',
  status: '3/3 ready',
  createdAt: '2026-01-02T03:04:05Z',
  labels: { app: 'api', tier: 'web' },
  ports: [],
  warnings: [],
  workload: 'deployment',
  canOpen: true,
  ...change,
})

const filters = (query: string) => readFilters(new URLSearchParams(query))

describe('a row of the targets list', () => {
  it('shows the labels that tell it apart, and not how old it is a second time', () => {
    const labels = {
      'org.opencontainers.image.title': 'web',
      'com.docker.compose.config-hash': '47029b1f',
      'com.docker.compose.service': 'api',
      team: 'payments',
    }
    assert.equal(labelsInWords(labels), 'service=api, team=payments')
    assert.equal(labelsInWords({ maintainer: 'somebody' }), '—')
    assert.match(allLabels(labels), /^org\.opencontainers\.image\.title=web$/m)
    assert.equal(withoutAge('Up 3 hours (healthy)'), 'Up (healthy)')
    assert.equal(withoutAge('Up About an hour'), 'Up')
    assert.equal(withoutAge('Up'), 'Up')
    assert.equal(withoutAge('Exited (0) 3 hours ago'), 'Exited (0) 3 hours ago')
  })
})

describe('the filters of the targets list', () => {
  it('take a column to sort by, and nothing else', () => {
    const sort = (text: string) => readSort(new URLSearchParams({ sort: text }))
    assert.deepEqual(['name', '-age', 'state', '--age', ''].map(sort), [
      'name',
      '-age',
      undefined,
      undefined,
      undefined,
    ])
  })

  it('ask for what runs, unless the address says otherwise', () => {
    assert.deepEqual(targetQuery(filters(''), ' api '), {
      environment: '',
      namespace: '',
      kind: '',
      selector: '',
      state: 'running,paused,restarting,created,removing',
      q: 'api',
    })
    assert.equal(targetQuery(filters('stopped=1'), '')['state'], '')
    assert.equal(targetQuery(filters('failing=1&stopped=1'), '')['state'], 'restarting,dead')
    assert.match(targetQuery(filters('kind=all'), '')['kind'] ?? '', /^container,pod,deployment,/)
    assert.equal(targetQuery(filters('kind=secret'), '')['kind'], '')
  })

  it('count what the switches would show', () => {
    assert.deepEqual(countStates({ running: 5, restarting: 2, exited: 3, dead: 1 }), {
      failing: 3,
      stopped: 4,
    })
    assert.deepEqual(countStates({}), { failing: 0, stopped: 0 })
  })

  it('search names, images of every container, labels, nodes and words of the kubelet', () => {
    const api = target({
      node: 'node-7',
      containers: [
        {
          name: 'proxy',
          kind: 'sidecar',
          image: 'envoy:1.31',
          state: 'running',
          status: 'Running',
          ready: true,
          restarts: 0,
        },
      ],
    })
    const other = target({ name: 'db', ref: 'prod/payments/statefulset/db', labels: {}, image: 'pg:17' })
    for (const words of ['API tier=web', 'envoy', 'proxy', 'node-7', 'deployment/api', '3/3']) {
      assert.deepEqual(withWords([api, other], words).slice(0, 1), [api], words)
    }
    assert.deepEqual(withWords([api, other], 'payments'), [api, other])
    assert.deepEqual(withWords([api, other], 'envoy pg'), [])
  })

  it('lead from a workload to its pods by labels that all of them have', () => {
    const path = podsPath(target({ labels: { app: 'api', 'pod-template-hash': '7d9c', tier: 'web' } }))
    const query = new URLSearchParams(path?.slice(2))
    assert.equal(query.get('selector'), 'app=api,tier=web')
    assert.equal(query.get('kind'), 'pod')
    assert.equal(query.get('namespace'), 'payments')
    assert.equal(podsPath(target({ labels: { 'pod-template-hash': '7d9c' } })), undefined)
  })

  it('name the cluster of a namespace only where there are several', () => {
    const two = [
      { environment: 'prod', namespace: 'payments', targets: 3 },
      { environment: 'test', namespace: 'payments', targets: 1 },
    ]
    assert.deepEqual(
      namespaceOptions(two, '').map(({ value }) => value),
      ['prod/payments', 'test/payments'],
    )
    assert.deepEqual(namespaceOptions(two, 'test'), [{ value: 'payments', words: 'payments (1)' }])
    assert.deepEqual(chooseNamespace('prod/payments'), { environment: 'prod', namespace: 'payments' })
    assert.deepEqual(chooseNamespace('payments'), { namespace: 'payments' })
  })
})

describe('the address of a prepared form', () => {
  const place = (reference: string, query = '') => {
    const found = debugPlace(reference, new URLSearchParams(query))
    assert.ok(found)
    return found
  }

  it('names a Docker container as it stands', () => {
    assert.deepEqual(place('local/web-1', 'container=x&pod=y'), {
      environment: 'local',
      kind: 'container',
      name: 'web-1',
      base: 'local/web-1',
      ref: 'local/web-1',
    })
  })

  it('takes the container from the path or from the query, which wins', () => {
    assert.equal(place('prod/shop/deployment/api/app').ref, 'prod/shop/deployment/api/app')
    assert.equal(place('prod/shop/deployment/api', 'container=proxy').ref, 'prod/shop/deployment/api/proxy')
    assert.equal(
      place('prod/shop/deployment/api/app', 'container=proxy').ref,
      'prod/shop/deployment/api/proxy',
    )
  })

  it('leads to the pod that was chosen by hand, and then picks none', () => {
    const chosen = place('prod/shop/deployment/api', 'pod=api-1&container=app&pick=crashing')
    assert.equal(chosen.ref, 'prod/shop/pod/api-1/app')
    assert.equal(chosen.base, 'prod/shop/deployment/api')
    assert.equal(chosen.pick, undefined)
    assert.equal(place('prod/shop/deployment/api', 'pick=crashing').pick, 'crashing')
    assert.equal(place('prod/shop/deployment/api', 'pick=fastest').pick, undefined)
    assert.equal(place('prod/shop/pod/api-1', 'pod=api-2').ref, 'prod/shop/pod/api-1')
  })

  it('finds a pod’s successors by what their names have in common', () => {
    assert.equal(commonName('api-7d9c8b6f4-x2x9z'), 'api')
    assert.equal(commonName('node-exporter-x2x9z'), 'node-exporter')
    assert.equal(commonName('ledger-db-0'), 'ledger-db')
    assert.equal(commonName('api'), 'api')
    assert.equal(commonName('my-small-tools'), 'my-small-tools')
  })
})
