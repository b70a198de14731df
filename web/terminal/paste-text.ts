const confirmAbove = 4096
// ESC and the C1 form of CSI, because a terminal may read both as the end of a paste.
// oxlint-disable-next-line no-control-regex
const pasteBrackets = /(?:\u001B\[|\u009B)20[01]~/g

/** The text as it is typed: line ends as the Enter key sends them, wrapped once when the program asked for that. */
export function preparePaste(text: string, bracketed: boolean): string {
  const typed = withoutBrackets(text).replaceAll(/\r?\n/g, '\r')
  return bracketed ? `\u001B[200~${typed}\u001B[201~` : typed
}

/** Whether to ask first: each line would run as a command, or there is more of it than anybody reads. */
export function needsConfirmation(text: string, bracketed: boolean): boolean {
  if (bracketed) return false
  return text.length > confirmAbove || /[\r\n]/.test(text.trimEnd())
}

// Repeated, because taking one out can join the halves of another.
function withoutBrackets(text: string): string {
  const stripped = text.replaceAll(pasteBrackets, '')
  return stripped === text ? text : withoutBrackets(stripped)
}
