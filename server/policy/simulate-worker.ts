/** The thread of `simulate.ts`: for each question it reads a policy and answers. */
import { parentPort } from 'node:worker_threads'
import { ConfigError } from '../core/config-error.ts'
import { messageOf } from '../core/errors.ts'
import { policyFromText } from './compile-policy.ts'
import type { Simulation, SimulationAnswer } from './simulate.ts'

const maxProblems = 100

function answer({ text, request, moment }: Simulation): SimulationAnswer {
  try {
    const policy = policyFromText(text)
    return { version: policy.version, explanation: policy.at(moment).explain(request) }
  } catch (cause) {
    if (cause instanceof ConfigError)
      return { file: cause.file, problems: cause.problems.slice(0, maxProblems) }
    return { failure: messageOf(cause) }
  }
}

parentPort?.on('message', (simulation: Simulation) => parentPort?.postMessage(answer(simulation)))
