const confirmAbove = 4096
// ESC and the C1 form of CSI, because a terminal may read both as the end of a paste.
// oxlint-disable-next-line no-control-regex
const pasteBrackets = /(?:\u001B\[|\u009B)20[01]~/g

/** The text as it is typed: line ends as the Enter key sends them, wrapped once when the program asked for that. */
export function preparePaste(text: string, bracketed: boolean): string {
  const typed = withoutBrackets(text).replaceAll(/\r?\n/g, '\r')
  return bracketed ? `\u001B[200~${typed}\u001B[201~` : typed
}

/**
 * Whether to ask first: each line would run as a command, there is more of it than anybody reads, or there is something in it
 * that nobody sees. The last also where the program takes a paste as a whole: many then put it at the prompt as it is.
 */
export function needsConfirmation(text: string, bracketed: boolean): boolean {
  if (hiddenIn(text).length > 0) return true
  if (bracketed) return false
  return text.length > confirmAbove || /[\r\n]/.test(text.trimEnd())
}

// Repeated, because taking one out can join the halves of another.
function withoutBrackets(text: string): string {
  const stripped = text.replaceAll(pasteBrackets, '')
  return stripped === text ? text : withoutBrackets(stripped)
}

// Everything that is no text to the eye: controls but tab and line ends, marks of direction, zero width, separators, tags.
const hidden = /[^\P{Cc}\t\n\r]|[\p{Cf}\p{Cn}\p{Co}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu
// What joins the parts of one picture, or says in which form to draw it, belongs to what is seen.
const picture =
  /[\d#*]\uFE0F?\u20E3|\p{Extended_Pictographic}(?:\p{EMod}|[\uFE0E\uFE0F])*(?:\u200D\p{Extended_Pictographic}(?:\p{EMod}|[\uFE0E\uFE0F])*)*/gu

export interface HiddenCharacter {
  /** `^U`, `ESC`, `U+202E`. */
  name: string
  /** What it does, in a few words. */
  words: string
  count: number
}

/** What is in the text that nobody sees, most frequent first. Pure. */
export function hiddenIn(text: string): HiddenCharacter[] {
  const counts = new Map<string, number>()
  for (const [character] of text.replaceAll(picture, '').matchAll(hidden)) {
    counts.set(character, (counts.get(character) ?? 0) + 1)
  }
  return [...counts]
    .map(([character, count]) => ({ name: hiddenName(character), words: hiddenWords(character), count }))
    .toSorted((a, b) => b.count - a.count)
}

/** The text without what nobody sees. Line ends and tabs stay. */
export function withoutHidden(text: string): string {
  return replaceHidden(text, () => '')
}

/** The text with a name in the place of each character that nobody sees. */
export function withHiddenNamed(text: string): string {
  return replaceHidden(text, (character) => `⟨${hiddenName(character)}⟩`)
}

function replaceHidden(text: string, replacement: (character: string) => string): string {
  const parts: string[] = []
  let from = 0
  for (const { index, 0: drawn } of text.matchAll(picture)) {
    parts.push(text.slice(from, index).replaceAll(hidden, replacement), drawn)
    from = index + drawn.length
  }
  parts.push(text.slice(from).replaceAll(hidden, replacement))
  return parts.join('')
}

function hiddenName(character: string): string {
  const code = character.codePointAt(0) ?? 0
  if (code === 0) return 'NUL'
  if (code === 0x1b) return 'ESC'
  if (code === 0x7f) return 'DEL'
  if (code < 0x20) return `^${String.fromCodePoint(code + 0x40)}`
  return `U+${code.toString(16).toUpperCase().padStart(4, '0')}`
}

// As a shell's line editor reads them (readline, "Bindable Readline Commands").
const controlWords: Readonly<Record<string, string>> = {
  NUL: 'ends a text for many programs',
  ESC: 'begins a command to the terminal or to the line editor',
  DEL: 'deletes the character before it',
  '^A': 'goes to the beginning of the line',
  '^C': 'interrupts the program',
  '^D': 'ends the input, or the shell',
  '^H': 'deletes the character before it',
  '^K': 'deletes the rest of the line',
  '^O': 'runs the line',
  '^R': 'searches the history',
  '^U': 'deletes the line before it',
  '^V': 'takes the next key as it is',
  '^W': 'deletes the word before it',
  '^Y': 'puts back what was deleted',
  '^Z': 'stops the program',
}

function hiddenWords(character: string): string {
  const words = controlWords[hiddenName(character)]
  if (words !== undefined) return words
  if (/\p{Cc}/u.test(character)) return 'a control character'
  if (/[\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/.test(character))
    return 'changes the direction of the text'
  if (/[\u00AD\u200B-\u200D\u2060\uFEFF]/.test(character)) return 'takes no room and is not seen'
  if (/[\p{Zl}\p{Zp}]/u.test(character)) return 'ends a line without looking so'
  return 'is not seen'
}
