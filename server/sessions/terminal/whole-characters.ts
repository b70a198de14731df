import { CodePointBoundary } from './code-points.ts'

/** Half of a character waits this long for its other half before it goes out as it is. */
const heldCharacterMs = 20

/** Passes bytes on as they come, but never ends within a character while its other half may still come. */
export class WholeCharacters {
  readonly #boundary = new CodePointBoundary()
  readonly #pass: (bytes: Uint8Array) => void
  #timer: NodeJS.Timeout | undefined

  constructor(pass: (bytes: Uint8Array) => void) {
    this.#pass = pass
  }

  push(chunk: Uint8Array): void {
    clearTimeout(this.#timer)
    const bytes = this.#boundary.push(chunk)
    if (this.#boundary.holding) this.#timer = setTimeout(() => this.flush(), heldCharacterMs)
    if (bytes.length > 0) this.#pass(bytes)
  }

  /** Passes on what is held. */
  flush(): void {
    clearTimeout(this.#timer)
    if (this.#boundary.holding) this.#pass(this.#boundary.flush())
  }
}
