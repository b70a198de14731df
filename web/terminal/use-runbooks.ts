import { useState } from 'react'
import type { Runbook } from '../../server/protocol/runbook-api.ts'
import { useSessionRunbooks } from '../lib/queries.ts'
import type { OpenTerminal, OpenTerminalState } from './open-terminal.ts'
import { keepRunbookView, preferRunbooks, readRunbookView } from './runbook-view.ts'

export interface RunbookChoice {
  /** Those for the session's target; empty while they are not known. */
  runbooks: readonly Runbook[]
  isOpen: boolean
  name: string
  /** It was opened by hand on this page. */
  takesFocus: boolean
  toggle: () => void
  choose: (name: string) => void
}

/** The runbooks beside one session's terminal, open or not as this viewer likes it. */
export function useRunbooks(terminal: OpenTerminal, { session }: OpenTerminalState): RunbookChoice {
  // What was read stays to be read when the session has ended; nobody asks for it then.
  const mayAsk = session.can.watch || session.can.control
  const runbooks = useSessionRunbooks(terminal.id, mayAsk).data?.items ?? []
  const [view, setView] = useState(() => readRunbookView(terminal.id))
  const [takesFocus, setTakesFocus] = useState(false)
  const keep = (next: typeof view): void => {
    setView(next)
    keepRunbookView(terminal.id, next)
  }
  return {
    runbooks,
    isOpen: view.isOpen && runbooks.length > 0,
    name: view.name,
    takesFocus,
    toggle: () => {
      if (runbooks.length === 0) return
      const isOpen = !view.isOpen
      keep({ ...view, isOpen })
      preferRunbooks(isOpen)
      setTakesFocus(isOpen)
      if (!isOpen) terminal.view.focus()
    },
    choose: (name) => keep({ ...view, name }),
  }
}
