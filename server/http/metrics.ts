import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client'

const secondsToPrompt = [0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30, 60, 120]
const secondsOfRequest = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** What `/metrics` shows. Sessions feed it; labels are few and never come from callers. */
export class Metrics {
  readonly #registry = new Registry()
  #outputBytes = 0
  #inputBytes = 0
  #liveSessions: () => number = () => 0
  #openSockets: () => number = () => 0
  readonly #starts = this.#counter('hatchway_session_starts_total', 'Session starts', [
    'environment',
    'outcome',
  ])
  readonly #ends = this.#counter('hatchway_session_ends_total', 'Ended sessions', ['reason'])
  readonly #refusals = this.#counter('hatchway_refusals_total', 'Requests refused, by problem code', ['code'])
  readonly #prompt = new Histogram({
    name: 'hatchway_time_to_prompt_seconds',
    help: 'From the request for a session to the first byte of its terminal',
    labelNames: ['environment'],
    buckets: secondsToPrompt,
    registers: [this.#registry],
  })
  readonly #requests = new Histogram({
    name: 'hatchway_http_request_seconds',
    help: 'HTTP requests by route template',
    labelNames: ['method', 'route', 'status'],
    buckets: secondsOfRequest,
    registers: [this.#registry],
  })

  constructor() {
    collectDefaultMetrics({ register: this.#registry })
    this.#gauge('hatchway_sessions_live', 'Sessions that this process serves', () => this.#liveSessions())
    this.#gauge('hatchway_terminal_sockets', 'Open terminal WebSockets', () => this.#openSockets())
    // Plain numbers, read at scrape time: these two are counted for every chunk of every terminal.
    this.#total('hatchway_output_bytes_total', 'Terminal output received', () => this.#outputBytes)
    this.#total('hatchway_input_bytes_total', 'Terminal input received', () => this.#inputBytes)
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  /** The Prometheus text format. */
  text(): Promise<string> {
    return this.#registry.metrics()
  }

  /** Called once, with what is counted at scrape time. */
  watch(counts: { liveSessions: () => number; openSockets: () => number }): void {
    this.#liveSessions = counts.liveSessions
    this.#openSockets = counts.openSockets
  }

  /** `outcome`: `running`, or the code of the error that stopped it. */
  countStart(environment: string, outcome: string): void {
    this.#starts.inc({ environment, outcome })
  }

  countEnd(reason: string): void {
    this.#ends.inc({ reason })
  }

  countRefusal(code: string): void {
    this.#refusals.inc({ code })
  }

  observePrompt(environment: string, seconds: number): void {
    this.#prompt.observe({ environment }, seconds)
  }

  observeRequest(labels: { method: string; route: string; status: number }, seconds: number): void {
    this.#requests.observe(labels, seconds)
  }

  countOutput(bytes: number): void {
    this.#outputBytes += bytes
  }

  countInput(bytes: number): void {
    this.#inputBytes += bytes
  }

  #counter<L extends string>(name: string, help: string, labelNames: L[]): Counter<L> {
    return new Counter({ name, help, labelNames, registers: [this.#registry] })
  }

  #gauge(name: string, help: string, read: () => number): void {
    const metric: Gauge = new Gauge({
      name,
      help,
      registers: [this.#registry],
      collect: () => metric.set(read()),
    })
  }

  #total(name: string, help: string, read: () => number): void {
    const metric: Counter = new Counter({
      name,
      help,
      registers: [this.#registry],
      collect: () => {
        metric.reset()
        metric.inc(read())
      },
    })
  }
}
