import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { ConfigError, type ConfigProblem } from '../core/config-error.ts'
import { compileInTurns, type RulePolicy } from './compile-policy.ts'
import type { Rule } from './rule.ts'

export interface ReadTask {
  text: string
  file: string
}

export type ReadAnswer =
  | { rules: Rule[] }
  | { done: true }
  | { problems: ConfigProblem[] }
  | { failure: string }

const deadlineMs = 60_000
const maxMemoryMiB = 512

/**
 * The same as `policyFromText`, for who has others waiting for the event loop: a policy of a mebibyte takes seconds to read. The text is
 * read in a thread of its own, which ends with it, and what has to be made of it here is made in turns. Throws ConfigError with the
 * first hundred problems, and Errors when the thread fails or takes longer than a minute.
 */
export async function readInThread(task: ReadTask): Promise<RulePolicy> {
  const thread = new Worker(new URL('./read-worker.ts', import.meta.url), {
    workerData: task,
    resourceLimits: { maxOldGenerationSizeMb: maxMemoryMiB },
    name: 'hatchway-policy',
    // Not this process's own flags: some of them, such as --input-type, stop a worker from starting.
    execArgv: [],
  })
  thread.unref()
  try {
    const rules = await rulesOf(thread, task.file)
    return await compileInTurns(rules, createHash('sha256').update(task.text).digest('hex'))
  } finally {
    await thread.terminate()
  }
}

async function rulesOf(thread: Worker, file: string): Promise<Rule[]> {
  const rules: Rule[] = []
  const signal = AbortSignal.timeout(deadlineMs)
  const ended = once(thread, 'exit', { signal }).then(() => {
    throw new Error('the thread that read it has ended')
  })
  ended.catch(() => undefined)
  for (;;) {
    const answered = once(thread, 'message', { signal })
    thread.postMessage('more')
    const [answer] = (await Promise.race([answered, ended])) as [ReadAnswer]
    if ('done' in answer) return rules
    if ('problems' in answer) throw new ConfigError(file, answer.problems)
    if ('failure' in answer) throw new Error(answer.failure)
    rules.push(...answer.rules)
  }
}
