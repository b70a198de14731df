/**
 * Compiles a pattern in which `*` stands for any characters (also none, also `/`) and `?` for exactly one; nothing else is
 * special. Takes at most pattern × text steps: it only ever goes back to the last `*`, so no pattern can stall a decision.
 */
export function compileGlob(pattern: string): (text: string) => boolean {
  if (pattern === '*') return () => true
  if (!/[*?]/.test(pattern)) return (text) => text === pattern
  return (text) => matchGlob(pattern, text)
}

function matchGlob(pattern: string, text: string): boolean {
  let p = 0
  let t = 0
  let star = -1
  let starText = 0
  while (t < text.length) {
    const symbol = pattern[p]
    if (symbol === '*') {
      star = p
      starText = t
      p++
    } else if (symbol === '?' || symbol === text[t]) {
      p++
      t++
    } else if (star >= 0) {
      // Let the last star swallow one more character.
      starText++
      t = starText
      p = star + 1
    } else return false
  }
  while (pattern[p] === '*') p++
  return p === pattern.length
}
