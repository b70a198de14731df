import { cpus, release, totalmem } from 'node:os'

/** One line of the table: a measure of one lane, and how it stands to the lane that it is compared with. */
export interface Line {
  what: string
  lane: string
  figures: Readonly<Record<string, string>>
  ratio?: string
}

/** Prints lines as they come, so that a long run shows where it is. */
export class Report {
  #section = ''

  machine(engine: string): void {
    const processor = cpus()[0]?.model.trim() ?? 'unknown processor'
    const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`
    console.log(
      `Machine: ${cpus().length} x ${processor}, ${memory}, Linux ${release()}; Node ${process.version}; ${engine}`,
    )
  }

  section(title: string, explanation: string): void {
    this.#section = title
    console.log(`\n${title}\n  ${explanation}`)
  }

  line({ what, lane, figures, ratio }: Line): void {
    const shown = Object.entries(figures).map(([name, value]) => `${name} ${value.padStart(8)}`)
    console.log(
      `  ${what.padEnd(22)} ${lane.padEnd(22)} ${shown.join('  ')}${ratio === undefined ? '' : `  | ${ratio}`}`,
    )
  }

  note(text: string): void {
    console.log(`  (${text})`)
  }

  get current(): string {
    return this.#section
  }
}
