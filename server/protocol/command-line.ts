/** An argv for people, each word as a shell would take it: unlike words that are only joined, it is not ambiguous. */
export function commandLine(argv: readonly string[]): string {
  return argv.map(inShellWords).join(' ')
}

function inShellWords(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}
