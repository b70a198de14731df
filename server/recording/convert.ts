import { once } from 'node:events'
import { Readable } from 'node:stream'
import { Worker } from 'node:worker_threads'
import { HatchwayError, messageOf } from '../core/errors.ts'
import type { Converted } from './convert-worker.ts'

/** Conversions at once: each has a thread. */
const maxThreads = 2
/** Conversions that wait for theirs; more are refused. */
const maxWaiting = 50
/** A chunk's share of time. It becomes a few megabytes at most: a column is at most a thousand characters away. */
const chunkDeadlineMs = 30_000
const chunkBytes = 64 * 1024

let running = 0
const waiting: (() => void)[] = []

/** asciicast v2, for players older than asciinema 3: absolute times, no exit event, no comments. */
export function toAsciicastV2(recording: Readable): Readable {
  return convert(recording, 'v2')
}

/** What the terminal printed, as plain text in UTF-8: without escape sequences, one `\n` per line. */
export function toText(recording: Readable): Readable {
  return convert(recording, 'text')
}

/**
 * In a thread of its own and no faster than it is read. The stream fails with `too_many_requests` when too many are wanted at
 * once, and with `timeout`. Destroying it ends everything.
 */
function convert(recording: Readable, format: 'text' | 'v2'): Readable {
  const stop = new AbortController()
  const converted = Readable.from(inThread(recording, format, stop.signal), { objectMode: false })
  converted.once('close', () => {
    stop.abort()
    recording.destroy()
  })
  return converted
}

async function* inThread(
  recording: Readable,
  format: 'text' | 'v2',
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  await takeThread()
  try {
    signal.throwIfAborted()
    const worker = new Worker(new URL('./convert-worker.ts', import.meta.url), {
      workerData: format,
      resourceLimits: { maxOldGenerationSizeMb: 128 },
    })
    worker.on('error', () => undefined)
    try {
      for await (const chunk of recording as AsyncIterable<Buffer>) {
        for (let at = 0; at < chunk.length; at += chunkBytes) {
          yield* exchange(worker, Uint8Array.from(chunk.subarray(at, at + chunkBytes)), signal)
        }
      }
      yield* exchange(worker, null, signal)
    } finally {
      await worker.terminate()
    }
  } finally {
    giveThread()
  }
}

async function* exchange(
  worker: Worker,
  chunk: Uint8Array | null,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const ended = new AbortController()
  const deadline = AbortSignal.any([signal, ended.signal, AbortSignal.timeout(chunkDeadlineMs)])
  const onExit = () => ended.abort()
  worker.once('exit', onExit)
  try {
    const answer = once(worker, 'message', { signal: deadline })
    worker.postMessage(chunk)
    const [{ bytes }] = (await answer) as [Converted]
    if (bytes.length > 0) yield bytes
  } catch (cause) {
    throw new HatchwayError('timeout', `The recording could not be converted: ${messageOf(cause)}`, { cause })
  } finally {
    worker.off('exit', onExit)
  }
}

async function takeThread(): Promise<void> {
  if (running < maxThreads) {
    running++
    return
  }
  if (waiting.length >= maxWaiting) {
    throw new HatchwayError(
      'too_many_requests',
      'Too many recordings are being converted; try again shortly.',
    )
  }
  await new Promise<void>((resolve) => waiting.push(resolve))
}

/** To whoever waits for longest. */
function giveThread(): void {
  const next = waiting.shift()
  if (next === undefined) running--
  else next()
}
