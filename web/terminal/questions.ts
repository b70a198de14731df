import { needsConfirmation, preparePaste, withoutHidden } from './paste-text.ts'

/** `cleaned`: without what nobody sees. */
export type Answer = 'no' | 'yes' | 'cleaned'

/** What a question is about. */
interface QuestionSubject {
  kind: 'paste' | 'clipboard'
  text: string
  /** Of a paste: the program takes it as one text, and runs no line by itself. */
  isWhole?: boolean
}

/** Something about text that comes in or goes out, which only the user can decide. */
export interface Question extends QuestionSubject {
  /** Another for each question of a terminal. */
  id: number
  /** The first call counts. */
  answer: (answer: Answer) => void
}

/**
 * The questions of one terminal, one after the other. A program decides when it asks, so what is shown stays until its user has
 * answered it: no other question takes its place below their hand. At most one of each kind; a further one is answered with no.
 */
export class Questions {
  readonly #show: (question: Question | undefined) => void
  /** The first is shown. */
  #open: readonly Question[] = []
  #lastId = 0
  #isClosed = false

  /** `show` hears of each question that is to be shown, and of none. */
  constructor(show: (question: Question | undefined) => void) {
    this.#show = show
  }

  /** Whether a program may put texts on the clipboard, by its first one. */
  async mayCopy(text: string): Promise<boolean> {
    return (await this.#ask({ kind: 'clipboard', text })) === 'yes'
  }

  /**
   * What of a paste is to be typed; undefined for nothing. Asks first where each line would run, where there is more than anybody
   * reads, or something that nobody sees. `isWhole` tells whether the program takes pastes as a whole now: where it has ceased to
   * meanwhile, the answer was to another question.
   */
  async paste(text: string, isWhole: () => boolean): Promise<string | undefined> {
    const was = isWhole()
    const agreed = await this.#agreed(text, was)
    const isStillSafe = isWhole() || !was
    const typed = agreed === undefined || isStillSafe ? agreed : await this.#agreed(agreed, false)
    return typed === undefined ? undefined : preparePaste(typed, isWhole())
  }

  /** Answers all with no, and each that is still to come. */
  close(): void {
    this.#isClosed = true
    for (const question of this.#open.toReversed()) question.answer('no')
  }

  async #agreed(text: string, isWhole: boolean): Promise<string | undefined> {
    if (!needsConfirmation(text, isWhole)) return text
    const answer = await this.#ask({ kind: 'paste', text, isWhole })
    if (answer === 'no') return undefined
    return answer === 'cleaned' ? withoutHidden(text) : text
  }

  #ask(subject: QuestionSubject): Promise<Answer> {
    const { promise, resolve } = Promise.withResolvers<Answer>()
    if (this.#isClosed || this.#open.some(({ kind }) => kind === subject.kind)) {
      resolve('no')
      return promise
    }
    const question: Question = {
      ...subject,
      id: ++this.#lastId,
      answer: (answer) => {
        this.#change(this.#open.filter((each) => each !== question))
        resolve(answer)
      },
    }
    this.#change([...this.#open, question])
    return promise
  }

  #change(open: readonly Question[]): void {
    const [before] = this.#open
    this.#open = open
    if (open[0] !== before) this.#show(open[0])
  }
}
