// Controls, and the marks that reorder text: a title must not be able to look like something else.
const unsafe = /[\p{Cc}\u2028\u2029\u200E\u200F\u202A-\u202E\u2066-\u2069]/gu

/** A program's window title, fit to be shown: one short line of plain text. */
export function plainTitle(title: string): string {
  const text = title.replaceAll(unsafe, ' ').replaceAll(/\s+/g, ' ').trim()
  return text.length > 80 ? `${text.slice(0, 79)}…` : text
}
