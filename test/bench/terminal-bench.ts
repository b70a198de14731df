import { setTimeout as delay } from 'node:timers/promises'
import { Listener, type Lane } from './lane.ts'
import type { Report } from './report.ts'
import { digits, median, percentile } from './statistics.ts'

export interface TerminalBenchOptions {
  lanes: readonly Lane[]
  report: Report
  rounds: number
  keys: number
  bulkBytes: number
  /** Between the end of one terminal and the start of the next. A kubelet is slow right after a container's end. */
  pauseMs?: number
}

interface Samples {
  prompt: number[]
  echo: number[]
  bulk: number[]
}

/** Open to prompt, echo and bulk, the lanes in turn in every round, so that a drift of the machine falls on all. */
export async function benchTerminals(options: TerminalBenchOptions): Promise<void> {
  const { lanes, rounds } = options
  const samples = new Map<Lane, Samples>(lanes.map((lane) => [lane, { prompt: [], echo: [], bulk: [] }]))
  for (const lane of lanes) await (await openReady(lane)).terminal.close().catch(() => undefined)
  for (let round = 0; round < rounds; round++) {
    // Whoever goes first finds a cooler machine: it is another lane each time.
    const turn = round % lanes.length
    for (const lane of [...lanes.slice(turn), ...lanes.slice(0, turn)]) {
      if (options.pauseMs !== undefined) await delay(options.pauseMs)
      await sample(lane, options, samples)
    }
  }
  tell(options, samples)
}

// A shell without a prompt: its line editor would draw and ask between the keys that are timed.
const plainShell = `exec sh -c 'while read -r line; do eval "$line"; done'\n`

async function openReady(lane: Lane) {
  const terminal = await lane.open()
  const listener = new Listener(terminal)
  terminal.write(plainShell)
  terminal.write("printf 'rea%s' dy\n")
  await listener.until('ready')
  return { terminal, listener }
}

async function sample(lane: Lane, options: TerminalBenchOptions, all: Map<Lane, Samples>): Promise<void> {
  const samples = all.get(lane)
  if (samples === undefined) return
  const { terminal, listener } = await openReady(lane)
  samples.prompt.push(terminal.promptMs)
  terminal.write("printf 'sta%s' rt; cat; printf 'catis%s' over\n")
  await listener.until('start')
  for (let key = 0; key < options.keys; key++) {
    const sent = performance.now()
    const letter = String.fromCharCode(97 + (key % 26))
    terminal.write(letter)
    await listener.until(letter)
    samples.echo.push(performance.now() - sent)
  }
  // The line's end, then the input's end.
  terminal.write('\n\u0004')
  await listener.until('catisover')
  terminal.write(`head -c ${options.bulkBytes} /dev/zero | tr '\\0' x | fold -w 99; printf 'en%s' d\n`)
  await listener.until("' d\r\n")
  const begun = performance.now()
  await listener.until('end', 120_000)
  samples.bulk.push(options.bulkBytes / 1e6 / ((performance.now() - begun) / 1000))
  await terminal.close()
}

function tell({ lanes, report, rounds }: TerminalBenchOptions, samples: Map<Lane, Samples>): void {
  const of = (lane: Lane) => samples.get(lane) ?? { prompt: [], echo: [], bulk: [] }
  const [gateway, engine] = lanes
  if (gateway === undefined || engine === undefined) return
  const versus = (lane: Lane, figure: (samples: Samples) => number, name: string) =>
    lane === gateway
      ? {}
      : { ratio: `gateway is ${digits(figure(of(gateway)) / figure(of(lane)))} x ${name}` }

  report.section(
    'Open to prompt, ms',
    `from the request to the first byte of the prompt at the client; ${rounds} rounds`,
  )
  for (const lane of lanes) {
    const { prompt } = of(lane)
    const figures = {
      min: digits(Math.min(...prompt)),
      median: digits(median(prompt)),
      max: digits(Math.max(...prompt)),
    }
    report.line({
      what: 'open to prompt',
      lane: lane.name,
      figures,
      ...versus(lane, ({ prompt }) => median(prompt), 'its median'),
    })
  }
  report.section(
    'Echo, ms',
    'one key at `cat`, until it comes back; the ratio compares what is added to the direct attach',
  )
  const added = (lane: Lane, share: number) =>
    percentile(of(lane).echo, share) - percentile(of(engine).echo, share)
  for (const lane of lanes) {
    const { echo } = of(lane)
    const figures = { p50: digits(percentile(echo, 0.5)), p99: digits(percentile(echo, 0.99)) }
    const compared = lane !== gateway && lane !== engine
    const ratio = `gateway adds ${digits(added(gateway, 0.5) / added(lane, 0.5))} x (p50), ${digits(added(gateway, 0.99) / added(lane, 0.99))} x (p99) of it`
    report.line({ what: 'echo', lane: lane.name, figures, ...(compared ? { ratio } : {}) })
  }
  report.section('Bulk output, MB/s', 'lines of text through the terminal as fast as it takes them')
  for (const lane of lanes) {
    const { bulk } = of(lane)
    const figures = {
      min: digits(Math.min(...bulk)),
      median: digits(median(bulk)),
      max: digits(Math.max(...bulk)),
    }
    report.line({
      what: 'bulk',
      lane: lane.name,
      figures,
      ...versus(lane, ({ bulk }) => median(bulk), 'its median'),
    })
  }
}
