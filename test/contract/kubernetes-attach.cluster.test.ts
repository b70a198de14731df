import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { after, afterEach, before, describe, it } from 'node:test'
import type { V1Pod } from '@kubernetes/client-node'
import { attachTty, notUpYet, type TtyAttachment } from '../../server/drivers/kubernetes/debug/attach.ts'
import { KubernetesClient } from '../../server/drivers/kubernetes/api/client.ts'
import { resourcePath } from '../../server/drivers/kubernetes/api/paths.ts'
import { KubernetesTerminal } from '../../server/drivers/kubernetes/debug/terminal.ts'
import { TestNamespace } from '../support/cluster-namespace.ts'
import { ensureClusterImages, testCluster, type TestCluster } from '../support/cluster.ts'
import { eventually } from '../support/eventually.ts'
import { imageRef } from '../support/images.ts'
import { Shell } from '../support/shell.ts'
import { within } from '../support/within.ts'

const signal = (ms = 20_000) => AbortSignal.timeout(ms)
const size = { cols: 120, rows: 30 }

describe('a terminal in a cluster', () => {
  let cluster: TestCluster
  let namespace: TestNamespace
  let client: KubernetesClient
  let pod: V1Pod
  const open: { terminal: KubernetesTerminal }[] = []

  before(async () => {
    cluster = await testCluster()
    await ensureClusterImages(cluster, 'toolbox')
    namespace = await TestNamespace.create(cluster)
    client = new KubernetesClient({
      environment: 'test',
      source: { kind: 'kubeconfig', paths: [cluster.kubeconfig] },
      impersonate: false,
    })
    pod = await namespace.runPod()
  })
  afterEach(() => {
    for (const { terminal } of open.splice(0)) terminal.detach()
  })
  after(async () => {
    client.close()
    await namespace.close()
    cluster.api.close()
  })

  /** An ephemeral container with a plain shell; attached as soon as the kubelet allows. */
  async function start(
    of: V1Pod = pod,
  ): Promise<{ terminal: KubernetesTerminal; shell: Shell; tty: TtyAttachment; name: string }> {
    const name = `debug-${randomBytes(4).toString('hex')}`
    const podName = of.metadata?.name ?? ''
    await client.json({
      method: 'PATCH',
      path: resourcePath('/api/v1', namespace.name, 'pods', podName, 'ephemeralcontainers'),
      contentType: 'application/strategic-merge-patch+json',
      body: {
        spec: {
          ephemeralContainers: [
            {
              name,
              image: imageRef('toolbox'),
              command: ['/bin/sh'],
              stdin: true,
              tty: true,
              targetContainerName: 'app',
            },
          ],
        },
      },
      doing: 'add the debug container',
      signal: signal(),
    })
    const place = { namespace: namespace.name, pod: podName, container: name }
    const tty = await eventually(async () => {
      return await attachTty(client, place, size, signal()).catch((cause: unknown) => {
        if (notUpYet(cause)) return false as const
        throw cause
      })
    })
    const terminal = new KubernetesTerminal({
      client,
      place: { ...place, uid: of.metadata?.uid ?? '' },
      target: 'app',
      attached: tty,
    })
    const opened = { terminal, shell: new Shell(terminal), tty, name }
    open.push(opened)
    return opened
  }

  it('is asked for until the container is up, and has its size from the start', async () => {
    const { shell } = await start()
    assert.equal(await shell.run('stty size'), '30 120')
  })

  it('resizes', async () => {
    const { shell, terminal } = await start()
    await shell.run('true')
    await terminal.resize({ cols: 99, rows: 22 })
    await eventually(async () => (await shell.run('stty size')) === '22 99')
  })

  it('passes on 2 MB of input and 5 MB of output unchanged', async () => {
    const { shell } = await start()
    const paste = Buffer.alloc(2 * 1024 * 1024, 'The quick brown fox jumps over the lazy dog.\n')
    shell.type(
      `stty raw -echo; printf '<%s>' go; head -c ${paste.length} | md5sum; stty sane; printf '<%s>' end\n`,
    )
    await shell.expect(/<go>/)
    await shell.paste(paste)
    const [, sum] = await shell.expect(/([0-9a-f]{32})/, 60_000)
    assert.equal(sum, createHash('md5').update(paste).digest('hex'))
    await shell.expect(/<end>/)
    shell.type(`stty -onlcr; printf '<%s>' begin; seq 1 800000; printf '<%s>' done; stty onlcr\n`)
    await shell.until('<begin>')
    const got = await shell.until('<done>', 60_000)
    assert.equal(got, Array.from({ length: 800_000 }, (_, index) => `${index + 1}\n`).join(''))
  })

  it('stops the process while nobody reads', async () => {
    const { shell, terminal } = await start()
    const { shell: watcher } = await start()
    await shell.run('true')
    // Blocks, not lines: the buffers of two hops are filled sooner.
    shell.type("tr '\\0' y </dev/zero\n")
    await shell.expect(/yyyy/)
    const pid = await watcher.run('pidof tr')
    const written = async () => Number(await watcher.run(`sed -n 's/^wchar: //p' /proc/${pid}/io`))
    terminal.io.pause()
    const before = await written()
    let last = before
    await eventually(
      async () => {
        const now = await written()
        const stalled = now === last
        last = now
        return stalled
      },
      { what: 'it to stop', timeoutMs: 60_000 },
    )
    assert.ok(last - before < 24 * 1024 * 1024, `${last - before} bytes went into the pause`)
    terminal.io.resume()
    await eventually(async () => (await written()) > last + 1024 * 1024, {
      what: 'it to go on',
      timeoutMs: 60_000,
    })
    shell.type('\x03')
    assert.equal(await shell.run('echo alive', 60_000), 'alive')
  })

  it('tells the exit code after the last byte, also of a killed shell', async () => {
    const { shell, terminal } = await start()
    shell.type('echo fare""well; exit 3\n')
    assert.deepEqual(await within(terminal.ended, 'the end'), { kind: 'exit', exitCode: 3 })
    assert.match(shell.output, /farewell/)
    await assert.rejects(terminal.resize(size), { code: 'session_ended' })
    const killed = await start()
    killed.shell.type('kill -9 $$\n')
    assert.deepEqual(await within(killed.terminal.ended, 'the end', 15_000), { kind: 'exit', exitCode: 137 })
  })

  it('lets go and comes back to the same shell', async () => {
    const first = await start()
    await first.shell.run('remembered=yes')
    first.terminal.detach()
    assert.equal((await within(first.terminal.ended, 'the end')).kind, 'disconnected')
    const place = { namespace: namespace.name, pod: pod.metadata?.name ?? '', container: first.name }
    const tty = await attachTty(client, place, size, signal())
    const terminal = new KubernetesTerminal({
      client,
      place: { ...place, uid: pod.metadata?.uid ?? '' },
      target: 'app',
      attached: tty,
    })
    open.push({ terminal })
    const shell = new Shell(terminal)
    shell.type('\n')
    assert.equal(await shell.run('echo $remembered'), 'yes')
  })

  it('says that the target ended, with its code', async () => {
    const mortal = await namespace.runPod({
      image: 'toolbox',
      command: ['/bin/sh', '-c', 'trap "exit 7" TERM; while :; do sleep 0.1; done'],
      spec: { restartPolicy: 'Never' },
    })
    const { shell, terminal } = await start(mortal)
    await shell.run('kill -TERM 1')
    const end = await within(terminal.ended, 'the end', 20_000)
    assert.deepEqual(end, { kind: 'target-exited', detail: 'The target exited with code 7.' })
  })

  it('says that the pod was deleted', async () => {
    const doomed = await namespace.runPod()
    const { shell, terminal } = await start(doomed)
    await shell.run('true')
    await namespace.deletePod(doomed.metadata?.name ?? '', 1)
    assert.deepEqual(await within(terminal.ended, 'the end', 20_000), {
      kind: 'target-exited',
      detail: 'The pod was deleted.',
    })
  })

  it('says that the pod was evicted', async () => {
    const doomed = await namespace.runPod()
    const { shell, terminal } = await start(doomed)
    await shell.run('true')
    await cluster.api.create(namespace.path('pods', doomed.metadata?.name, 'eviction'), {
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { name: doomed.metadata?.name, namespace: namespace.name },
    })
    const end = await within(terminal.ended, 'the end', 20_000)
    assert.equal(end.kind, 'target-exited')
    assert.match('detail' in end ? end.detail : '', /evicted, as when its node is drained/)
  })

  it('is refused in words for what is not there', async () => {
    const place = { namespace: namespace.name, pod: 'nope', container: 'x' }
    await assert.rejects(attachTty(client, place, size, signal()), { code: 'not_found' })
    const notThere = await attachTty(
      client,
      { ...place, pod: pod.metadata?.name ?? '' },
      size,
      signal(),
    ).catch((cause: unknown) => cause)
    assert.ok(notUpYet(notThere), String(notThere))
  })
})
