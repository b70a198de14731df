import { AlertDialog } from '@base-ui/react/alert-dialog'
import { useState } from 'react'
import type { Session } from '../../server/protocol/api.ts'
import { asApiError } from '../api-error.ts'
import { api } from '../api.ts'

interface Props {
  session: Session
  onClose: () => void
}

/** Ends a session after one more look at which. */
export function EndDialog({ session, onClose }: Props) {
  const [problem, setProblem] = useState('')
  const [busy, setBusy] = useState(false)
  const end = async () => {
    setBusy(true)
    try {
      await endSession(session.id)
      onClose()
    } catch (cause) {
      setProblem(asApiError(cause).message)
      setBusy(false)
    }
  }
  return (
    <AlertDialog.Root open onOpenChange={(open) => !open && onClose()}>
      <AlertDialog.Portal>
        <AlertDialog.Backdrop className="dialog-backdrop" />
        <AlertDialog.Popup className="dialog">
          <AlertDialog.Title className="dialog-title">
            End the session in {session.target.name}?
          </AlertDialog.Title>
          <AlertDialog.Description className="dialog-words">
            The debug container and what runs in it are removed. The target goes on untouched, and the
            recording stays.
          </AlertDialog.Description>
          {problem === '' ? null : <p role="alert">{problem}</p>}
          <div className="dialog-actions">
            <AlertDialog.Close className="tool-button">Keep it</AlertDialog.Close>
            <button type="button" className="tool-button danger" disabled={busy} onClick={() => void end()}>
              {busy ? 'Ending…' : 'End session'}
            </button>
          </div>
        </AlertDialog.Popup>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  )
}

/** Ends it, starting or running. Throws ApiError. */
export async function endSession(sessionId: string): Promise<void> {
  await api(`/sessions/${encodeURIComponent(sessionId)}`, { method: 'DELETE', body: {} })
}
