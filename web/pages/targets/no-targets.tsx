import { useMutation } from '@tanstack/react-query'
import { useLocation } from 'wouter'
import type { Sample } from '../../../server/protocol/api.ts'
import { api, refPath } from '../../lib/api.ts'
import { Button } from '../../components/button.tsx'
import { EmptyState } from '../../components/empty-state.tsx'
import { ErrorPanel } from '../../components/error-panel.tsx'
import { BoxIcon } from '../../components/icons.tsx'
import { queryClient, useSample } from '../../lib/queries.ts'

/** No container at all: a first run. Offers something to start with. */
export function NoTargets() {
  const [, navigate] = useLocation()
  const sample = useSample(true)
  const start = useMutation({
    mutationFn: () => api<Sample>('/sample', { method: 'POST', timeoutMs: 70_000 }),
    onSuccess: async ({ ref }) => {
      await queryClient.invalidateQueries({ queryKey: ['targets'] })
      if (ref !== undefined) navigate(`/debug/${refPath(ref)}`)
    },
  })
  const isOffered = sample.data?.available === true
  return (
    <>
      <EmptyState
        title="Nothing to debug yet"
        icon={<BoxIcon />}
        actions={
          isOffered ? (
            <Button kind="primary" isBusy={start.isPending} onClick={() => start.mutate()}>
              Start a sample container
            </Button>
          ) : undefined
        }
      >
        <p>
          No container or pod that you may see runs in any environment. As soon as one does, it shows here by
          itself.
        </p>
        {isOffered ? (
          <p>
            The sample is a small web server without a shell, without files of a system, run as user 65532:
            the kind of container that Hatchway is for.
          </p>
        ) : (
          <p>
            Start one with <code>docker run -d --name web nginx</code>, or ask whoever runs this gateway
            whether policy lets you see what you look for.
          </p>
        )}
      </EmptyState>
      {start.error === null ? null : (
        <ErrorPanel error={start.error} onRetry={() => start.mutate()} isRetrying={start.isPending} />
      )}
    </>
  )
}
