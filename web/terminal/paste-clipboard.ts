import type { OpenTerminal } from './open-terminal.ts'

/** Pastes what the clipboard holds, where the browser gives it to a page; otherwise says how it is pasted without. */
export async function pasteClipboard(terminal: OpenTerminal): Promise<void> {
  try {
    const text = await navigator.clipboard.readText()
    if (text !== '') await terminal.paste(text)
  } catch {
    terminal.notify(
      'info',
      'The browser does not give the clipboard to this page. Press Ctrl Shift V in the terminal, or long-press it and choose Paste.',
    )
  }
}
