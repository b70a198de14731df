/** The thread of `read-in-thread.ts`: it reads one policy, and hands out its rules a few at a time. */
import { parentPort, workerData } from 'node:worker_threads'
import { ConfigError } from '../core/config-error.ts'
import { messageOf } from '../core/errors.ts'
import { parsePolicy } from './parse-policy.ts'
import type { ReadAnswer, ReadTask } from './read-in-thread.ts'

const batch = 50
const maxProblems = 100
const { text, file } = workerData as ReadTask

function* answers(): Generator<ReadAnswer> {
  try {
    const rules = parsePolicy(text, file)
    for (let at = 0; at < rules.length; at += batch) yield { rules: rules.slice(at, at + batch) }
    yield { done: true }
  } catch (cause) {
    if (cause instanceof ConfigError) yield { problems: cause.problems.slice(0, maxProblems) }
    else yield { failure: messageOf(cause) }
  }
}

const all = answers()
// Each when it is asked for: what comes at once is read at once on the other side.
parentPort?.on('message', () => {
  const { value } = all.next()
  if (value !== undefined) parentPort?.postMessage(value)
})
