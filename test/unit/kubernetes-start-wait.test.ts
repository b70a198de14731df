import assert from 'node:assert/strict'
import { Duplex } from 'node:stream'
import { after, describe, it } from 'node:test'
import { endByExit } from '../../server/core/session-end.ts'
import type { TtyAttachment } from '../../server/drivers/kubernetes/debug/attach.ts'
import type { AttachEnd } from '../../server/drivers/kubernetes/debug/channel-socket.ts'
import { KubernetesRefusal } from '../../server/drivers/kubernetes/api/errors.ts'
import type { PodFacts } from '../../server/drivers/kubernetes/catalog/pod.ts'
import { attachWhenUp } from '../../server/drivers/kubernetes/debug/start.ts'
import { KubernetesTerminal } from '../../server/drivers/kubernetes/debug/terminal.ts'
import type { Watched } from '../../server/drivers/kubernetes/api/watch.ts'
import { clientFor } from '../support/api-server-double.ts'
import { within } from '../support/within.ts'

const place = { namespace: 'shop', pod: 'web', container: 'debug', uid: 'u1' }
// Out of reach: what is tried here needs nothing of it.
const client = clientFor({ kind: 'kubeconfig', paths: ['/nonexistent/kubeconfig'] })
after(() => client.close())

/** One pod, as a watch would keep it. */
function watched(first: Partial<PodFacts> = {}) {
  const items = new Map<string, PodFacts>()
  const listeners = new Set<Parameters<Watched<PodFacts>['onChange']>[0]>()
  const become = (change: Partial<PodFacts>) => {
    const pod = { metadata: { name: 'web', uid: 'u1' }, ephemeralContainers: [], status: {}, ...change }
    items.set('u1', pod)
    for (const listener of listeners) listener('changed', pod)
  }
  become(first)
  const pod: Watched<PodFacts> = {
    items,
    synced: true,
    problem: undefined,
    unreadable: 0,
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    ready: () => Promise.resolve(),
    close() {},
  }
  return { pod, become }
}

/** A terminal that ends when it is told how. */
function attachment() {
  const { promise: closed, resolve } = Promise.withResolvers<AttachEnd>()
  const io = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })
  const tty: TtyAttachment = {
    io,
    closed,
    resize() {},
    discard() {},
    end() {},
    settle() {},
    destroy: () => io.destroy(),
  }
  const close = (end: AttachEnd) => {
    io.destroy()
    resolve(end)
  }
  return { tty, close }
}

const going = (inMs: number) => ({
  metadata: { name: 'web', uid: 'u1', deletionTimestamp: new Date(Date.now() + inMs).toISOString() },
})

describe('a start while the kubelet restarts', () => {
  const start = (attach: () => Promise<TtyAttachment>) =>
    attachWhenUp({
      client,
      place,
      starting: { name: 'debug', toolbox: { name: 'tools', image: 'tools:1', shell: ['/bin/sh'] } },
      pod: watched().pod,
      attach,
      onProgress() {},
      signal: AbortSignal.timeout(20_000),
    })

  it('asks again a kubelet that does not know its pods yet', async () => {
    const { tty } = attachment()
    let asked = 0
    const got = await start(async () => {
      asked += 1
      if (asked < 4) throw new KubernetesRefusal(404, 'pod does not exist')
      return tty
    })
    assert.equal(got, tty)
    assert.equal(asked, 4)
    tty.destroy()
  })

  it('does not ask again where something else was not found', async () => {
    let asked = 0
    const refused = start(async () => {
      asked += 1
      throw new KubernetesRefusal(404, 'pods "web" not found')
    })
    await assert.rejects(refused, /pods "web" not found/)
    assert.equal(asked, 1)
  })
})

describe('a terminal in a pod', () => {
  it('warns once that its pod is being deleted, whenever it is listened to', () => {
    for (const order of ['before', 'after']) {
      const { pod, become } = watched()
      const { tty } = attachment()
      const terminal = new KubernetesTerminal({ client, place, target: 'app', attached: tty, pod })
      const said: string[] = []
      if (order === 'before') terminal.onWarning((words) => said.push(words))
      become(going(30_000))
      if (order === 'after') terminal.onWarning((words) => said.push(words))
      assert.equal(said.length, 1, order)
      become(going(29_000))
      assert.equal(said.length, 1, order)
      assert.match(
        said[0] ?? '',
        /^The pod web is being deleted: this session ends with it, at the latest in about \d+ seconds\.$/,
      )
      tty.destroy()
    }
  })

  it('tells the kill for memory from a kill, in a code of its own', async () => {
    for (const [reason, code] of [
      ['OOMKilled', 'out_of_memory'],
      ['Error', 'exited'],
    ] as const) {
      const { pod, become } = watched()
      const { tty, close } = attachment()
      const terminal = new KubernetesTerminal({ client, place, target: 'app', attached: tty, pod })
      const state = { terminated: { exitCode: 137, reason } }
      const status = { name: 'debug', image: '', imageID: '', ready: false, restartCount: 0, state }
      become({ status: { ephemeralContainerStatuses: [status] } })
      close({ code: 1000, clean: true, status: { status: 'Success' } })
      const ended = await within(terminal.ended, 'the end', 15_000)
      assert.equal(ended.kind, 'exit')
      const end = endByExit(ended)
      assert.deepEqual([end.code, end.exitCode], [code, 137])
    }
  })
})
