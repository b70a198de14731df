import type { Session } from '../../server/protocol/session-api.ts'
import type { Role } from '../../server/protocol/terminal.ts'
import { OpenTerminal } from './open-terminal.ts'
import type { TerminalCommand } from './terminal-keys.ts'
import {
  clampFontSize,
  fontSizes,
  readPreferences,
  savePreferences,
  type TerminalPreferences,
} from './terminal-preferences.ts'

const terminals = new Map<string, OpenTerminal>()
const listeners = new Set<() => void>()
let preferences = readPreferences()
let list: readonly OpenTerminal[] = []
let commandTarget: (command: TerminalCommand) => void = () => undefined

/** The session's terminal: its line and screen go on while other pages are shown. */
export function openTerminal(session: Session, role: Role): OpenTerminal {
  const open = terminals.get(session.id)
  if (open !== undefined) return open
  const onCommand = (command: TerminalCommand) => commandTarget(command)
  const terminal = new OpenTerminal(session, { role, preferences, onCommand })
  terminals.set(session.id, terminal)
  announce()
  return terminal
}

/** Closes the line and forgets the screen; the session itself lives on. */
export function closeTerminal(sessionId: string): void {
  terminals.get(sessionId)?.dispose()
  terminals.delete(sessionId)
  announce()
}

/** In the order of their opening. For useSyncExternalStore. */
export function openTerminals(): readonly OpenTerminal[] {
  return list
}

export function onTerminalsChange(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

/** Where key combinations go that mean the page and not the shell. */
export function onTerminalCommand(target: (command: TerminalCommand) => void): void {
  commandTarget = target
}

export function terminalPreferences(): TerminalPreferences {
  return preferences
}

/** One step up or down; 0 goes back to normal. Holds for all terminals and the next visit. */
export function changeFontSize(change: 1 | -1 | 0): void {
  const fontSize = change === 0 ? fontSizes.normal : clampFontSize(preferences.fontSize + change)
  prefer({ fontSize })
  for (const terminal of list) terminal.view.setFontSize(fontSize)
}

export function setScreenReader(screenReader: boolean): void {
  prefer({ screenReader })
  for (const terminal of list) terminal.view.setScreenReader(screenReader)
}

export function setExactColours(exactColours: boolean): void {
  prefer({ exactColours })
  for (const terminal of list) terminal.view.setExactColours(exactColours)
}

function prefer(change: Partial<TerminalPreferences>): void {
  preferences = { ...preferences, ...change }
  savePreferences(preferences)
  announce()
}

function announce(): void {
  list = [...terminals.values()]
  for (const listener of listeners) listener()
}
