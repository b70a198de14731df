/** `cleaned`: without what nobody sees. */
export type Answer = 'no' | 'yes' | 'cleaned'

/** Something about text that comes in or goes out, which only the user can decide. */
export interface Question {
  kind: 'paste' | 'clipboard'
  text: string
  /** Of a paste: the program takes it as one text, and runs no line by itself. */
  isWhole?: boolean
  answer: (answer: Answer) => void
}
