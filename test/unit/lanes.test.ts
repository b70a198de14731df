import assert from 'node:assert/strict'
import { globSync } from 'node:fs'
import { describe, it } from 'node:test'
import { lanesOf, runsOnEachEngine } from '../support/lanes.ts'

const files = globSync('test/{unit,contract,service,security,e2e}/**/*.test.ts')
const ground = { engines: ['oldest', 'newest'], privileged: ['newest'], cores: 2 }
const lanes = lanesOf(files, ground)
const laneOf = (file: string) =>
  lanesOf([file], ground).map(({ name, concurrency }) => `${name}, ${concurrency} at once`)

describe('the lanes of a test run', () => {
  it('have every file once, and a contract of Docker once for each engine', () => {
    assert.ok(files.length > 200)
    const found = Map.groupBy(
      lanes.flatMap((lane) => lane.files),
      (file) => file,
    )
    assert.equal(found.size, files.length)
    for (const [file, times] of found) {
      const isPrivileged = file.includes('docker-privileged')
      assert.equal(times.length, runsOnEachEngine(file) && !isPrivileged ? 2 : 1, file)
    }
  })

  it('name the engine where files ask which one', () => {
    const named = lanes.flatMap(({ name, engine }) => (engine === undefined ? [] : [`${name}: ${engine}`]))
    assert.deepEqual(named.toSorted(), ['newest: newest', 'oldest: oldest'])
  })

  it('part what would disturb each other', () => {
    assert.deepEqual(laneOf('test/unit/a.test.ts'), ['unit, 2 at once'])
    assert.deepEqual(laneOf('test/service/a.mounts.test.ts'), ['none, 1 at once'])
    assert.deepEqual(laneOf('test/service/a.docker.test.ts'), ['docker, 1 at once'])
    assert.deepEqual(laneOf('test/contract/docker-a.registry.test.ts'), ['docker, 1 at once'])
    assert.deepEqual(laneOf('test/contract/docker-a.newest.test.ts'), ['newest, 1 at once'])
    assert.deepEqual(laneOf('test/contract/docker-a.test.ts'), ['newest, 1 at once', 'oldest, 1 at once'])
    assert.deepEqual(laneOf('test/contract/docker-privileged.test.ts'), ['newest, 1 at once'])
    assert.deepEqual(laneOf('test/e2e/a.browser.cluster.test.ts'), ['browser, 1 at once'])
    assert.deepEqual(laneOf('test/service/kubernetes-a.test.ts'), ['cluster, 1 at once'])
  })

  it('keep apart what has its ground to itself', () => {
    const alone = lanes.filter(({ stage }) => stage === 'alone')
    assert.deepEqual(alone.map(({ name, concurrency }) => `${name}, ${concurrency}`).toSorted(), [
      'alone in the cluster, 1',
      'alone on the engine, 1',
    ])
  })

  it('have one engine where there is one', () => {
    const one = lanesOf(files, { engines: ['oldest'], privileged: [], cores: 4 })
    assert.ok(one.every(({ files }) => new Set(files).size === files.length))
    assert.ok(!one.flatMap((lane) => lane.files).some((file) => file.includes('docker-privileged')))
  })

  it('begin with the unit tests, then with what is alone, then with the longest', () => {
    assert.deepEqual(
      lanes.map(({ name, stage }) => `${stage}: ${name}`),
      [
        'unit: unit',
        'alone: alone in the cluster',
        'alone: alone on the engine',
        'beside: docker',
        'beside: browser',
        'beside: cluster',
        'beside: none',
        'beside: newest',
        'beside: oldest',
      ],
    )
  })
})
