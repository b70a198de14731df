import { useMutation } from '@tanstack/react-query'
import { useRef, type FormEvent } from 'react'
import type { Session } from '../../server/protocol/session-api.ts'
import { api } from '../lib/api.ts'
import { Button } from './button.tsx'
import { Dialog } from './dialog.tsx'
import { ErrorPanel } from './error-panel.tsx'
import { Field } from './field.tsx'
import { queryClient } from '../lib/queries.ts'

interface TerminateDialogProps {
  session: Session
  isOpen: boolean
  onClose: () => void
  /** Where the focus goes when the button that asked is gone with the session. */
  focusAfter?: () => HTMLElement | null
}

/** Ends somebody's shell: asks first, and asks why. */
export function TerminateDialog({ session, isOpen, onClose, focusAfter }: TerminateDialogProps) {
  const reason = useRef<HTMLInputElement>(null)
  const terminate = useMutation({
    mutationFn: (words: string) =>
      api<Session>(`/sessions/${encodeURIComponent(session.id)}`, {
        method: 'DELETE',
        body: words === '' ? {} : { reason: words },
      }),
    onSuccess: async () => {
      onClose()
      await queryClient.invalidateQueries()
    },
  })
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    terminate.mutate(reason.current?.value.trim() ?? '')
  }
  return (
    <Dialog
      isOpen={isOpen}
      onClose={onClose}
      {...(focusAfter === undefined ? {} : { focusAfter })}
      title="Terminate this session?"
      description={
        <>
          The shell in <span className="mono">{session.target.ref}</span> and everything that it runs ends at
          once. The target container is not touched, and the recording stays.
        </>
      }
    >
      <form className="stack" onSubmit={submit}>
        <Field label="Reason" hint="Optional. Kept in the audit trail.">
          {(control) => <input {...control} ref={reason} type="text" maxLength={500} autoComplete="off" />}
        </Field>
        {terminate.error === null ? null : <ErrorPanel error={terminate.error} />}
        <div className="actions end">
          <Button onClick={onClose}>Keep it</Button>
          <Button kind="danger" type="submit" isBusy={terminate.isPending}>
            Terminate
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
