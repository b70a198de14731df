import { Worker } from 'node:worker_threads'
import { ConfigError, type ConfigProblem } from '../core/config-error.ts'
import { HatchwayError } from '../core/errors.ts'
import type { Explanation, PolicyRequest } from '../core/policy.ts'

export interface Simulation {
  text: string
  request: PolicyRequest
  moment: Date
}

export type SimulationAnswer =
  | { version: string; explanation: Explanation }
  | { file: string; problems: ConfigProblem[] }
  | { failure: string }

/** A file of the largest size takes a few seconds on a small machine. */
const deadlineMs = 30_000
const maxMemoryMiB = 512
const idleMs = 10_000

/**
 * What a policy file's text would say, read in a thread of its own: a file of a mebibyte takes seconds, and everybody's terminal is
 * on the event loop. The thread ends when nobody has asked it for ten seconds.
 */
export class PolicySimulator {
  #thread: Worker | undefined
  #isBusy = false
  #idle: NodeJS.Timeout | undefined
  readonly #waiting: (() => void)[] = []

  /** Throws ConfigError with the first hundred problems, `timeout`. */
  async simulate(simulation: Simulation): Promise<{ version: string; explanation: Explanation }> {
    if (this.#isBusy) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    this.#isBusy = true
    try {
      const answer = await this.#ask(simulation)
      if ('problems' in answer) throw new ConfigError(answer.file, answer.problems)
      if ('failure' in answer) throw new Error(`the simulation failed: ${answer.failure}`)
      return answer
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#isBusy = false
      else next()
    }
  }

  /** One at a time. */
  async #ask(simulation: Simulation): Promise<SimulationAnswer> {
    clearTimeout(this.#idle)
    const thread = (this.#thread ??= this.#start())
    const { promise, resolve, reject } = Promise.withResolvers<SimulationAnswer>()
    const onExit = (code: number) => reject(new Error(`its thread ended with code ${code}`))
    const late = setTimeout(() => reject(tooLong()), deadlineMs)
    thread.on('message', resolve).on('error', reject).on('exit', onExit)
    thread.postMessage(simulation)
    try {
      const answer = await promise
      this.#idle = setTimeout(() => this.#end(), idleMs).unref()
      return answer
    } catch (cause) {
      this.#end()
      throw cause
    } finally {
      clearTimeout(late)
      thread.off('message', resolve).off('error', reject).off('exit', onExit)
    }
  }

  #start(): Worker {
    const thread = new Worker(new URL('./simulate-worker.ts', import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: maxMemoryMiB },
    })
    thread.unref()
    // Also when nobody waits for it; its exit follows.
    thread.on('error', () => undefined)
    thread.on('exit', () => {
      if (this.#thread === thread) this.#thread = undefined
    })
    return thread
  }

  #end(): void {
    const thread = this.#thread
    this.#thread = undefined
    void thread?.terminate()
  }
}

function tooLong(): HatchwayError {
  const detail = `The policy was not read within ${deadlineMs / 1000} seconds. Check it with \`hatchway policy check\`, and try a smaller one.`
  return new HatchwayError('timeout', detail)
}
