/** Whether a runbook shows beside a session's terminal, and which one. */
export interface RunbookView {
  isOpen: boolean
  /** Empty: the first one that there is. */
  name: string
}

const keyOf = (sessionId: string): string => `hatchway.runbook.${sessionId}`
const openKey = 'hatchway.runbooks'

/** As the viewer left it in this session; in a new one as they left it last. */
export function readRunbookView(sessionId: string): RunbookView {
  const view = { isOpen: false, name: '' }
  try {
    view.isOpen = localStorage.getItem(openKey) === 'open'
    const stored: unknown = JSON.parse(sessionStorage.getItem(keyOf(sessionId)) ?? '{}')
    if (typeof stored !== 'object' || stored === null) return view
    if ('isOpen' in stored) view.isOpen = stored.isOpen === true
    if ('name' in stored && typeof stored.name === 'string') view.name = stored.name
  } catch {
    // Switched off or not ours: the defaults are fine.
  }
  return view
}

/** For this session, as long as the tab lives. */
export function keepRunbookView(sessionId: string, view: RunbookView): void {
  try {
    sessionStorage.setItem(keyOf(sessionId), JSON.stringify(view))
  } catch {
    // Storage is switched off: the choice lasts as long as the page.
  }
}

/** For all sessions to come: what the viewer chose by hand. */
export function preferRunbooks(isOpen: boolean): void {
  try {
    localStorage.setItem(openKey, isOpen ? 'open' : 'closed')
  } catch {
    // As above.
  }
}
