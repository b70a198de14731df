/** Blanks say nothing. */
export function said(text: string | undefined): string | undefined {
  return text === undefined || text.trim() === '' ? undefined : text
}
