/** One of the radio buttons of a list of choices. */
export interface Choice {
  name: string
  /** Shown in place of the name. */
  label?: string
  words: string
  /** The words are an image or the like. */
  isCode?: boolean
  /** Set when it cannot be chosen. */
  problem?: string | undefined
}
