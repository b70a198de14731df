/** How often it looks; a process that runs is late by far less than {@link noticedMs}. */
const lookEveryMs = 1_000
const noticedMs = 5_000

/**
 * Calls with the seconds for which this process did not run: it was stopped, its machine slept, or its clock was set forward, which
 * looks the same from inside. Before output that came meanwhile is read. Ends by the abort.
 */
export function watchForSuspension(
  onSuspended: (seconds: number) => void,
  signal: AbortSignal,
  wallClock: () => number = Date.now,
): void {
  let last = wallClock()
  const timer = setInterval(() => {
    const now = wallClock()
    const awayMs = now - last - lookEveryMs
    last = now
    if (awayMs > noticedMs) onSuspended(Math.round(awayMs / 1000))
  }, lookEveryMs).unref()
  signal.addEventListener('abort', () => clearInterval(timer), { once: true })
}
