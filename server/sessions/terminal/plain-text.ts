const esc = 0x1b
const shiftOut = 0x0e
const shiftIn = 0x0f
// Lead byte of U+0080 to U+009F, among them the one-byte forms of CSI, OSC and DCS.
const c1Lead = 0xc2

/** Whether these bytes can only print text and move the cursor on: no escape sequence, no character set change. */
export function isPlainText(bytes: Buffer): boolean {
  return ![esc, shiftOut, shiftIn, c1Lead].some((byte) => bytes.includes(byte))
}

/**
 * The tail of plain text that leaves a terminal of `lines` lines (screen and scrollback) with the same screen as the
 * whole would: it starts at a line's beginning and scrolls everything before it away. Undefined when there is none,
 * because the text is short of lines or not plain.
 */
export function plainTextTail(bytes: Buffer, lines: number): Buffer | undefined {
  let at = bytes.length
  for (let line = 0; line <= lines; line++) {
    at = bytes.lastIndexOf('\r\n', at - 1)
    if (at <= 0) return undefined
  }
  const cut = at + 2
  return isPlainText(bytes.subarray(0, cut)) ? bytes.subarray(cut) : undefined
}
