import { useMutation } from '@tanstack/react-query'
import type { Me } from '../../server/protocol/sign-in-api.ts'
import { signOutEverywhere } from '../lib/sign-in.ts'
import { Button } from '../components/button.tsx'
import { Dialog } from '../components/dialog.tsx'
import { ErrorPanel } from '../components/error-panel.tsx'

/** Says what it ends and what it does not, and then does it. */
export function SignOutDialog({ me, isOpen, onClose }: { me: Me; isOpen: boolean; onClose: () => void }) {
  const leave = useMutation({ mutationFn: signOutEverywhere })
  return (
    <Dialog
      isOpen={isOpen}
      onClose={onClose}
      title="Sign out everywhere?"
      description={
        <>
          <p>
            Every browser in which {me.name} is signed in to this gateway is signed out, and their terminals
            are closed{me.provider === undefined ? null : `; then ${me.provider} signs this browser out too`}.
          </p>
          <p>Debug sessions keep running, and tokens of programs stay good until they expire.</p>
        </>
      }
    >
      <div className="stack">
        {leave.error === null ? null : <ErrorPanel error={leave.error} />}
        <div className="actions end">
          <Button onClick={onClose}>Stay</Button>
          <Button
            kind="danger"
            isBusy={leave.isPending || leave.isSuccess}
            onClick={() => {
              leave.mutate()
            }}
          >
            Sign out everywhere
          </Button>
        </div>
      </div>
    </Dialog>
  )
}
