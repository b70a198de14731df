import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { WebSocket } from 'ws'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { dockerRunCommand } from './docker-run-lane.ts'
import type { Sidecar } from './engine-lane.ts'
import type { Lane, LaneTerminal } from './lane.ts'

/** A script that starts the sidecar: both peers take one executable and no arguments. */
async function sidecarScript(sidecar: Sidecar): Promise<{ path: string; remove: () => Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), 'hatchway-bench-'))
  const path = join(directory, 'sidecar.sh')
  await writeFile(path, `#!/bin/sh\nexec ${dockerRunCommand(sidecar).join(' ')}\n`, { mode: 0o755 })
  return { path, remove: () => rm(directory, { recursive: true }) }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  await exited
}

/** ttyd, which runs the same command line for each connection; no recording, no sessions. `program` is its path. */
export async function ttydLane(program: string, sidecar: Sidecar): Promise<Lane> {
  const port = await freePort()
  const script = await sidecarScript(sidecar)
  const child = spawn(program, ['-i', '127.0.0.1', '-p', String(port), '-W', script.path], {
    stdio: 'ignore',
  })
  await eventually(async () => (await fetch(`http://127.0.0.1:${port}/`)).ok, { what: 'ttyd to answer' })
  return {
    name: 'ttyd, no recording',
    open: () => openTtyd(port),
    async close() {
      await end(child)
      await script.remove()
    },
  }
}

async function openTtyd(port: number): Promise<LaneTerminal> {
  const started = performance.now()
  const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`, 'tty', { perMessageDeflate: false })
  await once(socket, 'open')
  // The wire of ttyd 1.7: one character says the kind of message, `0` is input and output.
  socket.send(JSON.stringify({ AuthToken: '', columns: 80, rows: 24 }))
  const first = Promise.withResolvers<number>()
  let listener: ((bytes: Buffer) => void) | undefined
  socket.on('message', (data: Buffer) => {
    if (data[0] !== 0x30) return
    first.resolve(performance.now())
    listener?.(data.subarray(1))
  })
  const promptMs = (await first.promise) - started
  return {
    promptMs,
    write: (bytes) => socket.send(Buffer.from(`0${bytes}`)),
    onData: (next) => (listener = next),
    async close() {
      socket.close()
      await once(socket, 'close')
    },
  }
}

/** wetty, over its socket.io; `program` is the path of its `build/main.js`. */
export async function wettyLane(program: string, sidecar: Sidecar): Promise<Lane> {
  const port = await freePort()
  const script = await sidecarScript(sidecar)
  const args = [program, '--host', '127.0.0.1', '-p', String(port), '-b', '/wetty/', '--command', script.path]
  const child = spawn(process.execPath, args, { stdio: 'ignore' })
  await eventually(async () => (await fetch(`http://127.0.0.1:${port}/wetty/`)).ok, {
    what: 'wetty to answer',
  })
  return {
    name: 'wetty, no recording',
    open: () => openWetty(port),
    async close() {
      await end(child)
      await script.remove()
    },
  }
}

async function openWetty(port: number): Promise<LaneTerminal> {
  const started = performance.now()
  const socket = new WebSocket(`ws://127.0.0.1:${port}/wetty/socket.io/?EIO=4&transport=websocket`)
  const first = Promise.withResolvers<number>()
  let listener: ((bytes: Buffer) => void) | undefined
  const emit = (event: string, value: unknown) => socket.send(`42${JSON.stringify([event, value])}`)
  socket.on('message', (data: Buffer) => {
    const text = data.toString()
    // engine.io 4: 0 open, 2 ping, 4 message; socket.io 5 within: 0 connect, 2 event.
    if (text.startsWith('0')) socket.send('40')
    else if (text === '2') socket.send('3')
    if (!text.startsWith('42')) return
    const [event, value] = JSON.parse(text.slice(2)) as [string, string]
    if (event !== 'data') return
    first.resolve(performance.now())
    emit('commit', value.length)
    listener?.(Buffer.from(value))
  })
  const promptMs = (await first.promise) - started
  return {
    promptMs,
    write: (bytes) => emit('input', bytes),
    onData: (next) => (listener = next),
    async close() {
      socket.close()
      await once(socket, 'close')
    },
  }
}
