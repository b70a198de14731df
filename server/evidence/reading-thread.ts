import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { HatchwayError, messageOf } from '../core/errors.ts'
import type { Answer, ReadingTask } from './reading-worker.ts'
import type { ThreadLine } from './thread-line.ts'

/** A chunk's share of time. It becomes a few megabytes at most: a column is at most a thousand characters away. */
const chunkDeadlineMs = 30_000
const chunkBytes = 64 * 1024

export interface Reading {
  task: ReadingTask
  /** Whose thread it is, by `personKey`. */
  who: string
  line: ThreadLine
  /** Ends the thread, or the wait for one. */
  signal: AbortSignal
}

/**
 * What a thread of its own makes of a recording, in small pieces and no faster than they are taken. Throws `too_many_requests` when
 * too many wait for a thread, `timeout`, and `cancelled`; errors of the source pass through. The thread has ended by then.
 */
export async function* readInThread(
  recording: AsyncIterable<Buffer>,
  { task, who, line, signal }: Reading,
): AsyncGenerator<Uint8Array> {
  const place = await line.take(who, signal)
  try {
    const worker = new Worker(new URL('./reading-worker.ts', import.meta.url), {
      workerData: task,
      resourceLimits: { maxOldGenerationSizeMb: 128 },
    })
    worker.on('error', () => undefined)
    try {
      for await (const chunk of recording) {
        for (let at = 0; at < chunk.length; at += chunkBytes) {
          yield* exchange(worker, Uint8Array.from(chunk.subarray(at, at + chunkBytes)), signal)
        }
      }
      yield* exchange(worker, null, signal)
    } finally {
      await worker.terminate()
    }
  } finally {
    place.give()
  }
}

async function* exchange(
  worker: Worker,
  chunk: Uint8Array | null,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const bytes = await ask(worker, chunk, signal)
  for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes)
}

async function ask(worker: Worker, chunk: Uint8Array | null, signal: AbortSignal): Promise<Uint8Array> {
  const ended = new AbortController()
  const deadline = AbortSignal.any([signal, ended.signal, AbortSignal.timeout(chunkDeadlineMs)])
  const onExit = () => ended.abort()
  worker.once('exit', onExit)
  try {
    const answer = once(worker, 'message', { signal: deadline })
    worker.postMessage(chunk)
    const [{ bytes }] = (await answer) as [Answer]
    return bytes
  } catch (cause) {
    if (signal.aborted) throw new HatchwayError('cancelled', 'The caller went away.', { cause })
    throw new HatchwayError('timeout', `The recording could not be read through: ${messageOf(cause)}`, {
      cause,
    })
  } finally {
    worker.off('exit', onExit)
  }
}
