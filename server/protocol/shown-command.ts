// What takes no room, turns the direction, or looks like a blank and is none.
const unseen = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu

/**
 * An argv as it runs: the arguments told apart, and what cannot be seen written out, so that nobody consents to another command
 * than the one that they read. For eyes, not for a shell.
 */
export function shownCommand(argv: readonly string[]): string {
  return argv.map((argument) => (/^[\w@%+=:,./-]+$/.test(argument) ? argument : quoted(argument))).join(' ')
}

function quoted(text: string): string {
  return JSON.stringify(text).replaceAll(
    unseen,
    (character) => `\\u{${character.codePointAt(0)?.toString(16) ?? ''}}`,
  )
}
