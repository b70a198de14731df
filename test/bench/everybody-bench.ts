import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { WebSocket } from 'ws'
import type { Session } from '../../server/protocol/session-api.ts'
import { subprotocol } from '../../server/protocol/terminal.ts'
import type { TestContainers } from '../support/containers.ts'
import { defaultSocket } from '../support/engine.ts'
import { eventually } from '../support/eventually.ts'
import { TestGateway } from '../support/gateway.ts'
import { imageRef } from '../support/images.ts'
import { engineLane } from './engine-lane.ts'
import type { LaneTerminal } from './lane.ts'
import type { Report } from './report.ts'
import { digits, percentile } from './statistics.ts'
import { Witness } from './witness.ts'

const seconds = 6
/** What a witness may feel of anybody else (docs/architecture.md). */
const barMs = 50
const tabs = 20
/** Of a tab (web/lib/queries.ts). */
const pollEveryMs = 4_000
const openings = 100
/** Of the Docker driver (server/drivers/docker/driver.ts). */
const startsAtOnce = 8
const limits = { sessions: 2000, sessionsPerUser: 2000, openingsPerMinute: 100_000, runsPerMinute: 100_000 }
const access = `
rules:
  - name: everything
    who: {everyone: true}
    actions: [list, open, watch, terminate, run, read-recording, read-audit]
    effect: allow
`

type Load = readonly [what: string, work: () => Promise<void>]

/**
 * What others do, and what somebody who types in a session of their own feels of it. Lists and openings meet a real engine,
 * the rest terminals in memory, where only the gateway can be late.
 */
export async function benchEverybody(
  report: Report,
  containers: TestContainers,
  others: number,
): Promise<void> {
  report.section(
    "Everybody's echo while …, ms",
    `fifty keys a second in one session; the bar is a p99 of ${barMs}; with an engine of its own and ${others} more containers`,
  )
  await onEngine(report, containers, others)
  await inMemory(report)
}

async function onEngine(report: Report, containers: TestContainers, others: number): Promise<void> {
  const target = await containers.start({ image: 'web' })
  for (let at = 0; at < others; at += 10) {
    await Promise.all(
      Array.from({ length: Math.min(10, others - at) }, () => containers.start({ image: 'web' })),
    )
  }
  const gateway = await TestGateway.start({ policy: access, config: { limits } })
  const name = `local/${target.name}`
  const loads: Load[] = [
    [`${tabs} tabs poll the list`, () => pollLists(gateway)],
    [`${openings} sessions open`, () => openAll(gateway, name)],
    // What the machine itself costs everybody: no gateway has a part in these starts.
    [`${openings} starts, no gateway`, () => startOnEngine(target.id)],
  ]
  try {
    await measure(report, await Witness.start(gateway, name, true), 'engine', loads)
  } finally {
    await gateway.stop()
  }
}

async function inMemory(report: Report): Promise<void> {
  const gateway = await TestGateway.start({ policy: access, config: { limits }, scripted: true })
  const name = 'local/scripted'
  try {
    const witness = await Witness.start(gateway, name, false)
    const bomb = await recorded(gateway, name, '\u001b[32767GX\n', 128 * 1024)
    const plain = await recorded(gateway, name, `${'a line of text '.repeat(8)}\r\n`, 2 * 1024 * 1024)
    const asText = (id: string) => drain(gateway, `/sessions/${id}/recording?format=text`)
    const loads: Load[] = [
      ['a hostile export as text', () => asText(bomb)],
      [
        'six exports as text',
        async () => void (await Promise.all(Array.from({ length: 6 }, () => asText(plain)))),
      ],
      ['a simulation of 1 MB', () => simulate(gateway)],
      [
        'a flood of resizes',
        () => flood(gateway, name, (at) => ({ type: 'resize', size: { cols: 999 + (at % 2), rows: 1000 } })),
      ],
      ['a flood of control', () => flood(gateway, name, () => ({ type: 'take-control' }))],
      ['a flood of pings', () => flood(gateway, name, (id) => ({ type: 'ping', id }))],
      ['a hostile sequence', () => hostileSequence(gateway, name)],
    ]
    await measure(report, witness, 'in memory', loads)
  } finally {
    await gateway.down()
    await gateway.stop()
  }
}

async function measure(
  report: Report,
  witness: Witness,
  where: string,
  loads: readonly Load[],
): Promise<void> {
  await witness.during(() => Promise.resolve(), 1)
  for (const [what, work] of [['nothing', () => Promise.resolve()] as Load, ...loads]) {
    const begun = performance.now()
    let took = 0
    const failed: string[] = []
    const timed = async () => {
      await work().catch((cause: unknown) => failed.push(String(cause)))
      took = performance.now() - begun
    }
    const echoes = await witness.during(timed, seconds)
    const p99 = percentile(echoes, 0.99)
    const figures = {
      p50: digits(percentile(echoes, 0.5)),
      p99: digits(p99),
      max: digits(Math.max(...echoes)),
      keys: String(echoes.length),
      'took s': digits(took / 1000),
    }
    report.line({ what: where, lane: what, figures, ...(p99 > barMs ? { ratio: 'above the bar' } : {}) })
    for (const words of failed) report.note(words)
    await delay(500)
  }
  await witness.stop()
}

/** As the web app does it; each tab began at another moment. */
async function pollLists(gateway: TestGateway): Promise<void> {
  const end = performance.now() + seconds * 1000
  await Promise.all(
    Array.from({ length: tabs }, async (_, tab) => {
      await delay((tab / tabs) * pollEveryMs)
      while (performance.now() < end) {
        await drain(gateway, '/targets?limit=200', `tab-${tab}`)
        await delay(pollEveryMs)
      }
    }),
  )
}

async function openAll(gateway: TestGateway, target: string): Promise<void> {
  const who = (at: number) => `opener-${at % 20}`
  const opened = await Promise.all(
    Array.from({ length: openings }, async (_, at) => {
      const wish = { target, reason: 'benchmark' }
      return { who: who(at), ...(await gateway.api<Session>('POST', '/sessions', wish, who(at))) }
    }),
  )
  await eventually(async () => (await running(gateway)) > openings, {
    timeoutMs: 180_000,
    what: 'all sessions',
  })
  await Promise.all(opened.map(({ id, who }) => gateway.api('DELETE', `/sessions/${id}`, undefined, who)))
}

/** The same containers from the bare engine, as many at once as the gateway starts. */
async function startOnEngine(targetId: string): Promise<void> {
  const image = imageRef('toolbox')
  const lane = engineLane({ socketPath: defaultSocket, targetId, image, user: '65532:65532' })
  const opened: LaneTerminal[] = []
  let left = openings
  const startOneByOne = async () => {
    while (left-- > 0) opened.push(await lane.open())
  }
  await Promise.all(Array.from({ length: startsAtOnce }, startOneByOne))
  await Promise.all(opened.map(async (terminal) => await terminal.close()))
}

async function running(gateway: TestGateway): Promise<number> {
  const { items } = await gateway.api<{ items: Session[] }>(
    'GET',
    '/sessions?state=running&limit=200',
    undefined,
    'counter',
  )
  await delay(500)
  return items.length
}

async function drain(gateway: TestGateway, path: string, who = 'reader'): Promise<void> {
  const response = await gateway.fetch('GET', path, undefined, who)
  // oxlint-disable-next-line no-unused-vars
  for await (const _chunk of response.body ?? []) await Promise.resolve()
  if (!response.ok) throw new Error(`${path} answered ${response.status}`)
}

/** A policy file of just under 1 MiB, each rule with patterns of its own. */
async function simulate(gateway: TestGateway): Promise<void> {
  const rules: string[] = []
  for (let bytes = 0, at = 0; ; at++) {
    const rule = `  - {name: rule-${at}, who: {users: ["user-${at}*"]}, actions: [list, open], where: {targets: ["web-${at}*"]}, effect: allow}\n`
    bytes += rule.length
    if (bytes > 1024 * 1024 - 100) break
    rules.push(rule)
  }
  const body = {
    policy: `rules:\n${rules.join('')}`,
    user: 'ada',
    groups: [],
    action: 'open',
    target: 'local/scripted',
  }
  await gateway.api('POST', '/policy/simulate', body, 'simulator')
}

/** The id of a session that has ended, in which this text was shown again and again. */
async function recorded(gateway: TestGateway, target: string, piece: string, bytes: number): Promise<string> {
  const { id, socket } = await terminal(gateway, target, 'mallory')
  const text = piece.repeat(Math.ceil(Math.min(bytes, 32_768) / piece.length))
  let shown = 0
  const done = Promise.withResolvers<void>()
  socket.on('message', (data: Buffer, isBinary) => {
    if (!isBinary) return
    shown += data.length
    socket.send(JSON.stringify({ type: 'ack', offset: shown }))
    if (shown >= bytes) done.resolve()
  })
  for (let sent = 0; sent < bytes + text.length; sent += text.length)
    socket.send(Buffer.from(text), { binary: true })
  await done.promise
  await gateway.api('DELETE', `/sessions/${id}`, undefined, 'mallory')
  const sealed = async () =>
    (await gateway.api<Session>('GET', `/sessions/${id}`, undefined, 'mallory')).recording !== undefined
  await eventually(sealed, { timeoutMs: 30_000, what: 'the recording to be sealed' })
  socket.terminate()
  return id
}

/** As many messages as the connection takes. */
async function flood(gateway: TestGateway, target: string, message: (at: number) => object): Promise<void> {
  const { id, socket } = await terminal(gateway, target, 'mallory')
  const end = performance.now() + seconds * 1000
  for (let at = 0; performance.now() < end && socket.readyState === WebSocket.OPEN; at++) {
    socket.send(JSON.stringify(message(at)))
    if (at % 500 === 499) await delay(1)
    while (socket.bufferedAmount > 1_000_000 && performance.now() < end) await delay(5)
  }
  socket.terminate()
  await gateway.api('DELETE', `/sessions/${id}`, undefined, 'mallory')
}

/** Fifteen bytes that ask a terminal for two thousand million cells, and somebody who joins and wants to see the screen. */
async function hostileSequence(gateway: TestGateway, target: string): Promise<void> {
  const { id, socket } = await terminal(gateway, target, 'mallory')
  socket.send(Buffer.from('a\u001b[2147483647b'), { binary: true })
  await delay(200)
  const late = await join(gateway, id, 'mallory', '?role=observer&offset=99999999999')
  await Promise.race([once(late, 'message'), once(late, 'close'), delay(seconds * 1000)])
  late.terminate()
  socket.terminate()
  await gateway.api('DELETE', `/sessions/${id}`, undefined, 'mallory')
}

async function terminal(gateway: TestGateway, target: string, who: string) {
  const { id } = await gateway.api<Session>('POST', '/sessions', { target, reason: 'benchmark' }, who)
  return { id, socket: await join(gateway, id, who) }
}

async function join(gateway: TestGateway, id: string, who: string, query = ''): Promise<WebSocket> {
  const address = `${gateway.url.replace('http', 'ws')}/api/v1/sessions/${id}/terminal${query}`
  const headers = { authorization: `Bearer ${await gateway.token(who)}` }
  const socket = new WebSocket(address, subprotocol, { headers, perMessageDeflate: false })
  socket.on('error', () => undefined)
  await once(socket, 'open')
  return socket
}
