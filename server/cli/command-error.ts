/** Documented in `hatchway help`; 64, 77 and 78 are EX_USAGE, EX_NOPERM and EX_CONFIG of sysexits.h, 130 is a shell's for SIGINT. */
export const exitCodes = {
  done: 0,
  failed: 1,
  usage: 64,
  signIn: 77,
  configuration: 78,
  cancelled: 130,
} as const

/** A command that did not work, in plain words. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
  readonly exitCode: number

  constructor(message: string, exitCode: number = exitCodes.failed) {
    super(message)
    this.exitCode = exitCode
  }
}
