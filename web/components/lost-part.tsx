import { useEffect, useState } from 'react'
import { isLostCode, wasUpdated } from '../lib/lost-code.ts'
import { Button } from './button.tsx'
import { Dialog } from './dialog.tsx'
import { EmptyState } from './empty-state.tsx'
import { ErrorPanel } from './error-panel.tsx'

interface LostPartProps {
  error: unknown
  onRetry: () => void
  /** There when the part is a layer over the page: what it lacks is said in a layer too. */
  onClose: (() => void) | undefined
}

interface Words {
  title: string
  detail: string
}

const lost: Words = {
  title: 'This part could not be loaded',
  detail: 'Its code did not arrive. Everything else goes on, your terminals too.',
}
const updated: Words = {
  title: 'Hatchway was updated',
  detail:
    'This part belongs to the version before. Reload when you are ready: sessions go on meanwhile, and open terminals come back.',
}
const unreachable: Words = {
  title: 'The gateway cannot be reached',
  detail: 'So this part could not be loaded. Sessions go on without this page. Try again in a moment.',
}

/** In the place of a part that broke or did not come. */
export function LostPart({ error, onRetry, onClose }: LostPartProps) {
  const isLost = isLostCode(error)
  const { title, detail } = useWhy(isLost)
  if (!isLost && onClose === undefined) return <ErrorPanel isPage error={error} onRetry={onRetry} />
  const isUpdate = title === updated.title
  const actions = (
    <>
      {onClose === undefined ? null : <Button onClick={onClose}>Close</Button>}
      {isUpdate ? null : (
        <Button kind="primary" onClick={onRetry}>
          Try again
        </Button>
      )}
      {isLost ? (
        <Button kind={isUpdate ? 'primary' : 'plain'} onClick={() => location.reload()}>
          Reload the page
        </Button>
      ) : null}
    </>
  )
  if (onClose === undefined) {
    return (
      <div className="page" role="alert">
        <EmptyState isPage title={title} actions={actions}>
          <p>{detail}</p>
        </EmptyState>
      </div>
    )
  }
  return (
    <Dialog
      isOpen
      onClose={onClose}
      title={isLost ? title : 'Something went wrong in this part'}
      description={isLost ? detail : 'Everything else goes on, your terminals too.'}
    >
      <div className="actions end">{actions}</div>
    </Dialog>
  )
}

function useWhy(isLost: boolean): Words {
  const [words, setWords] = useState(lost)
  useEffect(() => {
    const life = new AbortController()
    const look = async (): Promise<void> => {
      try {
        if (await wasUpdated(life.signal)) setWords(updated)
      } catch {
        if (!life.signal.aborted) setWords(unreachable)
      }
    }
    if (isLost) void look()
    return () => life.abort()
  }, [isLost])
  return words
}
