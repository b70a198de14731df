import { RE2JS } from 're2js'

/** Longest expression, in characters, and largest program, in instructions: together with a reason's 500 characters about a millisecond. */
export const maxPatternLength = 200
const maxInstructions = 300

/**
 * Compiles an RE2 expression that the whole text has to match. RE2 takes time linear in the text whatever the expression is;
 * look-around and back-references, which can't be had that way, are errors. Throws an Error in plain words.
 */
export function compilePattern(source: string): (text: string) => boolean {
  let compiled: RE2JS
  try {
    compiled = RE2JS.compile(source)
  } catch (cause) {
    const words = cause instanceof Error ? cause.message : String(cause)
    throw new Error(words.replace(/^error parsing regexp: /, ''), { cause })
  }
  if (compiled.programSize() > maxInstructions) throw new Error('it repeats too much')
  return (text) => compiled.matches(text)
}
