// setTimeout overflows to 1 ms above 2^31 - 1 ms; a token may live longer than those 24 days.
const longestMs = 2_147_483_647

/** Calls once at `time` (milliseconds of the wall clock), or in the next tick when that is past. Returns how to stop it. */
export function setTimerAt(time: number, call: () => void): () => void {
  let timer: NodeJS.Timeout
  const arm = () => {
    const left = time - Date.now()
    timer = left > longestMs ? setTimeout(arm, longestMs) : setTimeout(call, Math.max(0, left))
  }
  arm()
  return () => clearTimeout(timer)
}
