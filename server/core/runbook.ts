/** One step: words, a command, or words above the command that they are about. */
export interface RunbookStep {
  /** May have several lines. */
  text?: string
  /** One printable line. Nothing ever runs it but its reader. */
  command?: string
}

/** A named list of steps, shown beside the terminals of the targets that it is about. */
export interface Runbook {
  /** Unique; what a link's `run` may name. */
  name: string
  steps: readonly RunbookStep[]
}
