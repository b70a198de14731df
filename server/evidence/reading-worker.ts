/** Thread that reads one recording, chunk by chunk as it gets them: see reading-thread.ts. */
import { setPriority } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import { toText, toV2 } from './conversions.ts'
import { measure } from './measure.ts'

/** What to make of it: another format, or what it holds, as one JSON text at its end. */
export type ReadingTask = 'text' | 'v2' | 'measure'

/** What came of one chunk, or of the end. */
export interface Answer {
  bytes: Uint8Array
}

const port = parentPort
if (port === null) throw new Error('This is a worker thread.')
try {
  // Of this thread alone, on Linux: the event loop comes first.
  setPriority(5)
} catch {
  // Not permitted: then it is as important as the rest.
}

let pieces: Buffer[] = []
function reply(): void {
  const bytes = Uint8Array.from(Buffer.concat(pieces))
  pieces = []
  port?.postMessage({ bytes } satisfies Answer, [bytes.buffer])
}

// `null` is the end.
const chunks: (Uint8Array | null)[] = []
let arrived = Promise.withResolvers<void>()
port.on('message', (chunk: Uint8Array | null) => {
  chunks.push(chunk)
  arrived.resolve()
})

async function* source(): AsyncGenerator<Buffer> {
  for (;;) {
    while (chunks.length === 0) {
      arrived = Promise.withResolvers()
      await arrived.promise
    }
    const chunk = chunks.shift()
    if (chunk === null || chunk === undefined) return
    yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    // It asks for the next one: this one is done.
    reply()
  }
}

async function* toMeasured(recording: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield Buffer.from(JSON.stringify(await measure(recording)))
}

const tasks = { text: toText, v2: toV2, measure: toMeasured }
for await (const piece of tasks[workerData as ReadingTask](source())) pieces.push(piece)
reply()
port.close()
