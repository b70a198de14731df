/** Text from links, from other people or from files, before it lands in a field, a sentence or a prompt. Pure. */

// Ends a line or moves a cursor.
const separating = /[\p{Cc}\p{Zl}\p{Zp}]+/gu
// Nobody sees it: zero-width characters, marks of direction, halves of pairs, code points that are not assigned or private.
const unseen = /[\p{Cf}\p{Cs}\p{Cn}\p{Co}\p{Default_Ignorable_Code_Point}]+/gu

/** Only what can be seen, with ordinary blanks. Nothing that runs, edits or reorders a line is left. */
export function printable(text: string): string {
  return text
    .replaceAll(separating, '')
    .replaceAll(unseen, '')
    .replaceAll(/\p{Zs}/gu, ' ')
    .trim()
}

/** The same as one line: what separated words still does. */
export function printableLine(text: string): string {
  return printable(text.replaceAll(separating, ' '))
}
