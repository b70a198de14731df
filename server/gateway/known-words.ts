import { HatchwayError } from '../core/errors.ts'

/** The words of a parameter, which have to be among `known`. Throws `invalid_request` for one that is not. */
export function knownWords<T extends string>(
  parameter: string,
  words: readonly string[],
  known: readonly T[],
): T[] {
  return words.map((word) => {
    const found = known.find((name) => name === word.trim())
    if (found !== undefined) return found
    throw new HatchwayError(
      'invalid_request',
      `${parameter}: ${JSON.stringify(word.slice(0, 50))} is none of ${known.join(', ')}.`,
    )
  })
}
