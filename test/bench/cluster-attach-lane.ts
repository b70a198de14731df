import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { WebSocket } from 'ws'
import type { ClusterApi } from '../support/cluster-api.ts'
import type { Lane, LaneTerminal } from './lane.ts'

/** What every lane adds to the same pod: the same container, whoever adds it. */
export interface EphemeralTarget {
  api: ClusterApi
  kubeconfig: string
  namespace: string
  pod: string
  container: string
  image: string
  uid: number
  gid: number
}

// k8s.io/apimachinery, pkg/util/remotecommand: the first byte of a message is its channel.
const channel = { input: 0, output: 1, resize: 4 } as const

/** The bare API server: patch, attach, resize over one WebSocket, nothing in between and nothing recorded. */
export function clusterAttachLane(target: EphemeralTarget): Lane {
  return { name: 'cluster, direct attach', open: () => open(target), close: () => Promise.resolve() }
}

async function open(target: EphemeralTarget): Promise<LaneTerminal> {
  const started = performance.now()
  const name = `bench-${randomBytes(4).toString('hex')}`
  const pod = `/api/v1/namespaces/${target.namespace}/pods/${target.pod}`
  await target.api.patch(`${pod}/ephemeralcontainers`, {
    spec: { ephemeralContainers: [containerOf(target, name)] },
  })
  const socket = await attach(target.api, `${pod}/attach?container=${name}&stdin=true&stdout=true&tty=true`)
  let listener: ((bytes: Buffer) => void) | undefined
  const early: Buffer[] = []
  const first = Promise.withResolvers<number>()
  socket.on('message', (message: Buffer) => {
    if (message[0] !== channel.output || message.length < 2) return
    first.resolve(performance.now())
    const bytes = message.subarray(1)
    if (listener === undefined) early.push(bytes)
    else listener(bytes)
  })
  socket.on('close', () => first.reject(new Error('the terminal closed before its prompt')))
  const send = (to: number, text: string) => socket.send(Buffer.concat([Buffer.of(to), Buffer.from(text)]))
  // The shell has printed its prompt already: a new size makes it draw it again.
  send(channel.resize, JSON.stringify({ Width: 80, Height: 24 }))
  return {
    promptMs: (await first.promise) - started,
    write: (bytes) => send(channel.input, bytes),
    onData(next) {
      listener = next
      for (const bytes of early.splice(0)) next(bytes)
    },
    async close() {
      const closed = new Promise((resolve) => socket.once('close', resolve))
      send(channel.input, '\u0003exit\n')
      await closed
    },
  }
}

function containerOf({ image, container, uid, gid }: EphemeralTarget, name: string): object {
  return {
    name,
    image,
    imagePullPolicy: 'IfNotPresent',
    command: ['sh'],
    stdin: true,
    tty: true,
    targetContainerName: container,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: uid,
      runAsGroup: gid,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    },
  }
}

/** Tried until the kubelet has the container; its refusal before is status 500 (`container … not found in pod …`). */
async function attach(api: ClusterApi, path: string): Promise<WebSocket> {
  const deadline = performance.now() + 30_000
  for (;;) {
    const { promise, resolve, reject } = Promise.withResolvers<WebSocket>()
    const socket = api.webSocket(path, 'v5.channel.k8s.io')
    socket.on('open', () => resolve(socket))
    socket.on('error', reject)
    try {
      return await promise
    } catch (cause) {
      if (performance.now() > deadline) throw cause
      await delay(20)
    }
  }
}
