import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import type { TestGateway } from '../support/gateway.ts'
import { openThroughGateway } from './gateway-lane.ts'
import type { LaneTerminal } from './lane.ts'
import type { Report } from './report.ts'
import { digits, percentile } from './statistics.ts'

/** Users that the sessions are spread over, so that no per-user limit is measured. */
const users = 20
const keysPerSecondAndSession = 1

/** Sessions that are opened side by side while others start: an engine takes only so many at once. */
const openAtOnce = 8

export interface ManySessionsOptions {
  gateway: TestGateway
  target: string
  counts: readonly number[]
  /** Scripted terminals have no shell, so their input needs no `cat`. */
  shell: boolean
  seconds: number
  report: Report
  what: string
}

/** Opens more and more sessions; in each, one key a second is typed and its echo awaited. */
export async function benchManySessions(options: ManySessionsOptions): Promise<void> {
  const { gateway, counts, report, what } = options
  const terminals: EchoClient[] = []
  const idle = await memory(gateway.pid)
  for (const count of counts) {
    while (terminals.length < count) {
      const batch = Math.min(openAtOnce, count - terminals.length)
      const opened = Array.from({ length: batch }, (_, i) => openEcho(options, terminals.length + i))
      terminals.push(...(await Promise.all(opened)))
    }
    const echoes = await typeFor(terminals, options.seconds)
    const { rss, cpuMs } = await memory(gateway.pid)
    const cpu = (await cpuOver(gateway.pid, cpuMs, () => typeFor(terminals, 2))) * 100
    const figures = {
      p50: digits(percentile(echoes, 0.5)),
      p99: digits(percentile(echoes, 0.99)),
      'RSS MB': digits(rss),
      'CPU %': digits(cpu),
    }
    report.line({ what, lane: `${count} sessions`, figures })
  }
  report.note(`gateway without sessions: ${digits(idle.rss)} MB`)
  await Promise.all(terminals.map((terminal) => terminal.close()))
}

interface EchoClient {
  /** Types one key; resolves with the milliseconds until its echo. */
  key(): Promise<number>
  close(): Promise<void>
}

async function openEcho(options: ManySessionsOptions, index: number): Promise<EchoClient> {
  const terminal = await openThroughGateway(options.gateway, options.target, `bench-${index % users}`)
  let wake: (() => void) | undefined
  let seen = ''
  const ready = Promise.withResolvers<void>()
  if (!options.shell) ready.resolve()
  terminal.onData((bytes) => {
    const text = bytes.toString('latin1')
    seen = (seen + text).slice(-40)
    if (seen.includes('exec cat\r\n')) ready.resolve()
    if (text.includes('k')) wake?.()
  })
  if (options.shell) terminal.write('exec cat\n')
  await ready.promise
  return { key: () => typeKey(terminal, (next) => (wake = next)), close: () => terminal.close() }
}

function typeKey(terminal: LaneTerminal, onEcho: (listener: () => void) => void): Promise<number> {
  const sent = performance.now()
  return new Promise((resolve) => {
    onEcho(() => resolve(performance.now() - sent))
    terminal.write('k')
  })
}

async function typeFor(terminals: readonly EchoClient[], seconds: number): Promise<number[]> {
  const echoes: number[] = []
  const gap = 1000 / keysPerSecondAndSession
  await Promise.all(
    terminals.map(async (terminal, i) => {
      // Spread over the second, as people's keys are.
      await delay((i / terminals.length) * gap)
      for (let key = 0; key < seconds * keysPerSecondAndSession; key++) {
        const ms = await terminal.key()
        echoes.push(ms)
        await delay(Math.max(0, gap - ms))
      }
    }),
  )
  return echoes
}

/** Resident memory in MB and consumed CPU time of a process (proc(5)). */
async function memory(pid: number): Promise<{ rss: number; cpuMs: number }> {
  const [status, stat] = await Promise.all([
    readFile(`/proc/${pid}/status`, 'utf8'),
    readFile(`/proc/${pid}/stat`, 'utf8'),
  ])
  const rss = (Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1024) / 1e6
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  // In ticks of 10 ms, the value of USER_HZ on every Linux architecture that Node runs on.
  return { rss, cpuMs: (Number(fields[11]) + Number(fields[12])) * 10 }
}

async function cpuOver(pid: number, before: number, work: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await work()
  return ((await memory(pid)).cpuMs - before) / (performance.now() - started)
}
