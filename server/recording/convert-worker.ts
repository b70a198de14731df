/** Thread that converts one recording, chunk by chunk as it gets them: see convert.ts. */
import { setPriority } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import { toText, toV2 } from './conversions.ts'

/** What came of one chunk, or of the end. */
export interface Converted {
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
  port?.postMessage({ bytes } satisfies Converted, [bytes.buffer])
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

const convert = workerData === 'text' ? toText : toV2
for await (const piece of convert(source())) pieces.push(piece)
reply()
port.close()
