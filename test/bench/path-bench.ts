import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { TestGateway } from '../support/gateway.ts'
import { engineLane, type Sidecar } from './engine-lane.ts'
import { openThroughGateway } from './gateway-lane.ts'
import { Listener, type Lane } from './lane.ts'
import { relayLane } from './relay-lane.ts'
import type { Report } from './report.ts'
import { digits, median, percentile } from './statistics.ts'

export interface PathBenchOptions {
  report: Report
  sidecar: Sidecar
  /** Of the gateway's configuration. */
  limits: object
  target: string
  rounds: number
  keys: number
}

interface Noted {
  /** Milliseconds of CLOCK_MONOTONIC, which all processes of a machine share. */
  at: number
  what: string
}

const trace = fileURLToPath(new URL('./path-trace.ts', import.meta.url))
/** The trace is written twice a second. */
const writtenAfterMs = 1_200
/** A shell without a prompt: its line editor would draw between the keys. */
const plainShell = `exec sh -c 'while read -r line; do eval "$line"; done'\n`

/** Where each millisecond of an opening goes, and each microsecond of an echo: medians, beside the bare engine and a bare relay. */
export async function benchPath(options: PathBenchOptions): Promise<void> {
  const gateway = await TestGateway.start({ config: { limits: options.limits }, preload: trace })
  const engine = engineLane(options.sidecar)
  const relay = await relayLane(options.sidecar)
  try {
    await openings(options, gateway, engine)
    await echoes(options, gateway, [engine, relay])
  } finally {
    await relay.close()
    await gateway.stop()
  }
}

function now(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

/** What the gateway noted between two moments, in order. */
async function noted(gateway: TestGateway, from: number, to: number): Promise<Noted[]> {
  await delay(writtenAfterMs)
  const lines = [...gateway.log.matchAll(/^@path (\d+) (.*)$/gm)]
  return lines
    .map(([, at = '0', what = '']) => ({ at: Number(BigInt(at)) / 1e6, what }))
    .filter(({ at }) => at >= from && at <= to)
}

async function openings({ report, target, rounds }: PathBenchOptions, gateway: TestGateway, engine: Lane) {
  report.section(
    'An opening by stage, ms',
    `from the request on; medians of ${rounds} rounds; the lanes in turn; "engine" is a call to it, "store" one to the thread of the database`,
  )
  const bare: number[] = []
  const prompts: number[] = []
  const stages = new Map<string, number[]>()
  await (await engine.open()).close()
  await (await openThroughGateway(gateway, target, 'bench')).close()
  for (let round = 0; round < rounds; round++) {
    const direct = await engine.open()
    bare.push(direct.promptMs)
    await direct.close()
    await delay(writtenAfterMs)
    const from = now()
    const terminal = await openThroughGateway(gateway, target, 'bench')
    const to = from + terminal.promptMs
    prompts.push(terminal.promptMs)
    for (const [what, at] of firstTimes(await noted(gateway, from, to), from))
      stages.set(what, [...(stages.get(what) ?? []), at])
    await terminal.close()
    await delay(writtenAfterMs)
  }
  const rows = [...stages]
    .filter(([, times]) => times.length > rounds / 2)
    .map(([what, times]) => ({ what, at: median(times) }))
    .toSorted((one, other) => one.at - other.at)
  let before = 0
  for (const { what, at } of [...rows, { what: 'prompt at the client', at: median(prompts) }]) {
    report.line({ what: digits(at), lane: `+${digits(at - before)}`, figures: {}, ratio: what })
    before = at
  }
  report.line({
    what: 'bare engine',
    lane: 'create, attach, start',
    figures: { median: digits(median(bare)) },
  })
  report.line({
    what: 'our own share',
    lane: 'gateway',
    figures: { median: digits(median(prompts) - median(bare)) },
    ratio: 'bar 15 ms',
  })
}

/** Milliseconds since the request of each thing that was noted; what comes again is numbered. */
function firstTimes(all: readonly Noted[], from: number): Map<string, number> {
  const times = new Map<string, number>()
  for (const { at, what } of all) {
    let name = what
    for (let again = 2; times.has(name); again++) name = `${what} (${again})`
    times.set(name, at - from)
  }
  return times
}

/** What happens to a key, in order; the last and the first are the client's. */
const hops = ['key in', 'key out', 'echo in', 'echo out'] as const
const words = [
  'client to gateway',
  'in the gateway, to the engine',
  'engine and shell',
  'in the gateway, recording and back',
  'gateway to client',
]

async function echoes(
  { report, target, keys }: PathBenchOptions,
  gateway: TestGateway,
  others: readonly Lane[],
) {
  report.section('An echo by stage, µs', `${keys} keys at \`cat\`, one after the other`)
  const terminal = await openThroughGateway(gateway, target, 'bench')
  const sent: number[] = []
  const back: number[] = []
  await typeKeys(terminal, keys, (from, to) => {
    sent.push(from)
    back.push(to)
  })
  const all = await noted(gateway, sent[0] ?? 0, back.at(-1) ?? 0)
  await terminal.close()
  const spans: number[][] = words.map(() => [])
  let at = 0
  for (const [index, from] of sent.entries()) {
    const to = back[index] ?? from
    while ((all[at]?.at ?? Infinity) < from) at++
    const times = [
      from,
      ...hops.map((hop) => all.slice(at, at + 12).find(({ what }) => what === hop)?.at),
      to,
    ]
    if (times.includes(undefined)) continue
    for (const [span, list] of spans.entries())
      list.push(((times[span + 1] ?? 0) - (times[span] ?? 0)) * 1000)
  }
  for (const [index, what] of words.entries()) line(report, what, 'gateway', spans[index] ?? [])
  const own = back.map((to, index) => (to - (sent[index] ?? 0)) * 1000)
  line(report, 'echo', 'gateway', own)
  const whole = new Map<Lane, number[]>()
  for (const lane of others) {
    const echo: number[] = []
    const other = await lane.open()
    await typeKeys(other, keys, (from, to) => echo.push((to - from) * 1000))
    await other.close()
    whole.set(lane, echo)
    line(report, 'echo', lane.name, echo)
  }
  const [direct = [], relayed = []] = others.map((lane) => whole.get(lane))
  const added = (share: number) =>
    (percentile(own, share) - percentile(direct, share)) /
    (percentile(relayed, share) - percentile(direct, share))
  report.note(
    `the gateway adds ${digits(added(0.5))} x (p50), ${digits(added(0.99))} x (p99) of what the bare relay adds`,
  )
}

function line(report: Report, what: string, lane: string, micros: readonly number[]): void {
  const figures = { p50: digits(percentile(micros, 0.5)), p99: digits(percentile(micros, 0.99)) }
  report.line({ what, lane, figures })
}

async function typeKeys(
  terminal: Awaited<ReturnType<Lane['open']>>,
  keys: number,
  tell: (from: number, to: number) => void,
): Promise<void> {
  const listener = new Listener(terminal)
  terminal.write(plainShell)
  terminal.write("printf 'sta%s' rt; cat\n")
  await listener.until('start')
  // The first ones find code that nobody has run yet.
  for (let key = -100; key < keys; key++) {
    const letter = String.fromCharCode(97 + ((key + 100) % 26))
    const from = now()
    terminal.write(letter)
    await listener.until(letter)
    if (key >= 0) tell(from, now())
  }
}
