/** Text from elsewhere, as it may be shown in a terminal: nothing that moves the cursor, hides or turns around. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '\uFFFD').slice(0, 1000)
}
