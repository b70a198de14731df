/** One thing that is wrong in a configuration or policy file. */
export interface ConfigProblem {
  /** Counted from 1; absent when the problem has no place in the file. */
  line?: number
  /** Where in the line, counted from 1. */
  column?: number
  /** The key, such as `auth.issuers[0].audience`; empty for the file as a whole. */
  path: string
  message: string
}

/** Everything that is wrong with one file, at once. Never holds a secret. Programs that meet it at start exit with 78. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly file: string
  readonly problems: readonly ConfigProblem[]

  constructor(file: string, problems: readonly ConfigProblem[]) {
    super(problems.map((problem) => formatProblem(file, problem)).join('\n'))
    this.file = file
    this.problems = problems
  }
}

function formatProblem(file: string, problem: ConfigProblem): string {
  const place = problem.line === undefined ? file : `${file}:${problem.line}`
  return problem.path === ''
    ? `${place}: ${problem.message}`
    : `${place}: ${problem.path}: ${problem.message}`
}
