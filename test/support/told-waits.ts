/**
 * Loaded before a program (`--import`): each wait of openid-client is told on standard error, as `waits 5000 ms`, and takes a
 * moment. So a test knows how long the program would have waited between its questions, and doesn't wait itself.
 */
const wait = globalThis.setTimeout

globalThis.setTimeout = Object.assign(
  (callback: (...args: unknown[]) => void, ms = 0, ...args: unknown[]) => {
    const isTold = new Error('whose wait is it').stack?.includes('/openid-client/') ?? false
    if (isTold) process.stderr.write(`waits ${ms} ms\n`)
    return wait(callback, isTold ? 20 : ms, ...args)
  },
  wait,
)
