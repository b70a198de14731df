import { HatchwayError } from '../core/errors.ts'

/** Reads `a,b` of a query parameter. Throws `invalid_request` for a word that is not one of `known`. */
export function readList<T extends string>(parameter: string, text: string, known: readonly T[]): T[] {
  return text.split(',').map((word) => {
    const found = known.find((name) => name === word.trim())
    if (found !== undefined) return found
    throw new HatchwayError(
      'invalid_request',
      `${parameter}: ${JSON.stringify(word.slice(0, 50))} is none of ${known.join(', ')}.`,
    )
  })
}
