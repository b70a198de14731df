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
/** Others wait: each takes a core while it lasts. */
const maxAtOnce = 1

/**
 * What a policy file's text would say, read in a thread of its own: a file of a mebibyte takes seconds, and everybody's terminal is
 * on the event loop. Throws ConfigError with the first hundred problems, `timeout`.
 */
export class PolicySimulator {
  #running = 0
  readonly #waiting: (() => void)[] = []

  async simulate(simulation: Simulation): Promise<{ version: string; explanation: Explanation }> {
    if (this.#running >= maxAtOnce) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    else this.#running++
    try {
      const answer = await askThread(simulation)
      if ('problems' in answer) throw new ConfigError(answer.file, answer.problems)
      if ('failure' in answer) throw new Error(`the simulation failed: ${answer.failure}`)
      return answer
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#running--
      else next()
    }
  }
}

async function askThread(simulation: Simulation): Promise<SimulationAnswer> {
  const worker = new Worker(new URL('./simulate-worker.ts', import.meta.url), {
    workerData: simulation,
    resourceLimits: { maxOldGenerationSizeMb: maxMemoryMiB },
  })
  let late: NodeJS.Timeout | undefined
  try {
    return await new Promise<SimulationAnswer>((resolve, reject) => {
      late = setTimeout(() => reject(tooLong()), deadlineMs)
      worker.once('message', resolve)
      worker.once('error', reject)
      worker.once('exit', (code) => reject(new Error(`its thread ended with code ${code}`)))
    })
  } finally {
    clearTimeout(late)
    await worker.terminate()
  }
}

function tooLong(): HatchwayError {
  const detail = `The policy was not read within ${deadlineMs / 1000} seconds. Check it with \`hatchway policy check\`, and try a smaller one.`
  return new HatchwayError('timeout', detail)
}
