import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ContainerStatus, Pod } from '../../server/drivers/kubernetes/api/objects.ts'
import type { PodFacts } from '../../server/drivers/kubernetes/catalog/pod.ts'
import { scopesOf } from '../../server/drivers/kubernetes/catalog/precondition.ts'
import { readEvent, readStart } from '../../server/drivers/kubernetes/debug/progress.ts'

function status(name: string, state: ContainerStatus['state'], last?: number): ContainerStatus {
  const lastState = last === undefined ? {} : { lastState: { terminated: { exitCode: last } } }
  return {
    name,
    image: '',
    imageID: '',
    ready: false,
    restartCount: 4,
    ...(state && { state }),
    ...lastState,
  }
}
const waits = (reason: string, message?: string) => ({ waiting: { reason, ...(message && { message }) } })
const runs = { running: {} }

/** The init containers `first` and `second`, then `app`. */
function pod(init: ContainerStatus[], app: ContainerStatus, change: Partial<Pod['status']> = {}): Pod {
  return {
    metadata: { name: 'api-1', uid: 'u1' },
    spec: {
      nodeName: 'n1',
      initContainers: [{ name: 'first' }, { name: 'second' }],
      containers: [{ name: 'app' }],
    },
    status: { phase: 'Pending', initContainerStatuses: init, containerStatuses: [app], ...change },
  }
}

/** What keeps each scope from being had, `yes` where nothing does. */
function scopes(object: Pod, container: string): Record<string, string> {
  return Object.fromEntries(
    scopesOf(object, container).map(({ scope, problem }) => [scope, problem ?? 'yes']),
  )
}

describe('what a session in a pod may share', () => {
  const done = { terminated: { exitCode: 0 } }
  const initializing = status('app', waits('PodInitializing'))

  it('is an init container that runs, for which the others are said to wait', () => {
    const object = pod([status('first', runs)], initializing)
    assert.equal(scopes(object, 'first')['container'], 'yes')
    assert.match(
      scopes(object, 'app')['container'] ?? '',
      /waits for the init container first, which runs: open first/,
    )
  })

  it('names the init container that fails, with its exit code', () => {
    const failing = status('second', waits('CrashLoopBackOff'), 3)
    const object = pod([status('first', done), failing], initializing)
    assert.match(
      scopes(object, 'app')['container'] ?? '',
      /waits for the init container second, which keeps failing: its last exit code was 3, after 4 restarts/,
    )
    assert.match(
      scopes(object, 'second')['container'] ?? '',
      /second .*keeps crashing: its last exit code was 3/,
    )
    assert.equal(scopes(object, 'second')['copy'], 'yes')
  })

  it('is the network alone where nothing runs, and no copy of an image that nobody has', () => {
    const object = pod(
      [status('first', done), status('second', done)],
      status('app', waits('ImagePullBackOff', 'none')),
    )
    const { container, network, copy } = scopes(object, 'app')
    assert.match(container ?? '', /ImagePullBackOff: none.*network alone can be opened\.$/)
    assert.equal(network, 'yes')
    assert.match(copy ?? '', /image of app cannot be had.*a copy would wait for it too/)
  })

  it('is not even the network before there is one, in a pod that goes, and in one that has finished', () => {
    const conditions = [{ type: 'PodReadyToStartContainers', status: 'False' }]
    assert.match(scopes(pod([], initializing, { conditions }), 'app')['network'] ?? '', /has no network yet/)
    const going = pod([], status('app', runs))
    going.metadata = { ...going.metadata, deletionTimestamp: '2026-11-24T05:00:00Z' }
    assert.match(scopes(going, 'app')['network'] ?? '', /is being deleted/)
    const finished = pod([], status('app', done), { phase: 'Succeeded' })
    assert.match(scopes(finished, 'app')['network'] ?? '', /has finished/)
    assert.equal(scopes(finished, 'app')['copy'], 'yes')
  })
})

describe('how a start goes', () => {
  const starting = {
    name: 'hatchway-x',
    target: 'app',
    toolbox: { name: 'tools', image: 'tools:1', shell: ['/bin/sh'] },
  }
  const read = (state: ContainerStatus['state']) =>
    readStart(
      {
        metadata: { name: 'api-1', uid: 'u1' },
        ephemeralContainers: [],
        status: {
          containerStatuses: [status('app', runs)],
          ephemeralContainerStatuses: [status('hatchway-x', state)],
        } as unknown as PodFacts['status'],
      },
      starting,
    )

  it('fails at once for a toolbox without a shell, as runc and crun say it', () => {
    for (const words of [
      'failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: exec: "/bin/sh": stat /bin/sh: no such file or directory',
      'executable file `/bin/sh` not found: No such file or directory',
      'exec /bin/sh: exec format error',
    ]) {
      const state = read(waits('RunContainerError', words))
      assert.equal(state.kind === 'failed' && state.error.code, 'toolbox_unusable', words)
    }
    assert.equal(read(waits('RunContainerError', 'device or resource busy')).kind, 'stuck')
  })

  it('pulls as long as it is the image that it waits for', () => {
    const pulls = (state: ReturnType<typeof read>) => 'pulls' in state && state.pulls
    assert.equal(pulls(read(waits('ImagePullBackOff', 'dial tcp: connection refused'))), true)
    assert.equal(pulls(readEvent('Pulling image "tools:1"', starting)), true)
    assert.equal(pulls(readEvent('Created container', starting)), false)
  })
})
