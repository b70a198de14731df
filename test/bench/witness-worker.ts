/** Somebody who types, on an event loop of their own: whatever else the benchmark's process does, they are not late by it. */
import { setTimeout as delay } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { WebSocket } from 'ws'
import { subprotocol } from '../../server/protocol/terminal.ts'
import { within } from '../support/within.ts'

export interface WitnessOptions {
  /** `ws://…/terminal`. */
  address: string
  authorization: string
  /** A shell has to be kept from drawing its prompt again. */
  shell: boolean
}

/** Said by the worker: it is ready, or what it has measured since it was last asked, in milliseconds. */
export type WitnessMessage = { ready: true } | { echoes: number[] }

const keyEveryMs = 20
const { address, authorization, shell } = workerData as WitnessOptions
const socket = new WebSocket(address, subprotocol, { headers: { authorization }, perMessageDeflate: false })
const sent: number[] = []
let echoes: number[] = []
let seen = ''

const ready = Promise.withResolvers<void>()
socket.on('message', (data: Buffer, isBinary) => {
  if (!isBinary) return
  const text = data.toString('latin1')
  // What comes before its first output is for nobody. Said in two parts, so that what is typed is not taken for what is printed.
  if (shell && seen === '') socket.send(Buffer.from("echo rea''dy; exec cat\n"), { binary: true })
  seen = (seen + text).slice(-4000)
  if (seen.includes(shell ? 'ready\r\n' : '$ ')) ready.resolve()
  for (const letter of text) {
    const at = letter === 'k' ? sent.shift() : undefined
    if (at !== undefined) echoes.push(performance.now() - at)
  }
})
socket.on('error', ready.reject)
await new Promise((resolve) => socket.once('open', resolve))
await within(ready.promise, "the witness's shell", 60_000)

parentPort?.on('message', () => {
  const now = performance.now()
  // A key whose echo has not come yet is as late as it is.
  parentPort?.postMessage({ echoes: [...echoes, ...sent.map((at) => now - at)] } satisfies WitnessMessage)
  echoes = []
})
parentPort?.postMessage({ ready: true } satisfies WitnessMessage)

// At fixed times, whether or not the last echo has come: a gateway that stalls is late for every key of that time.
for (let next = performance.now(); socket.readyState === WebSocket.OPEN; next += keyEveryMs) {
  sent.push(performance.now())
  // Taken back at once: a line of a terminal holds 4,095 keys.
  socket.send(Buffer.from('k\u007f'), { binary: true })
  await delay(Math.max(0, next + keyEveryMs - performance.now()))
}
