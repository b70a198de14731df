import type { Session } from '../../../server/protocol/session-api.ts'
import type { TargetDetail } from '../../../server/protocol/target-api.ts'
import { ButtonLink } from '../../components/button.tsx'
import { useMyLiveSessions } from '../../lib/queries.ts'

interface LiveSessionProps {
  target: TargetDetail
  toolbox: string
  profile: string
}

/** Going back is often what is meant; in a pod it is also better, since a debug container can't be removed from one. */
export function LiveSession({ target, toolbox, profile }: LiveSessionProps) {
  const here = (useMyLiveSessions().data?.items ?? []).filter((session) => isHere(session, target))
  const same = here.find((session) => session.toolbox === toolbox && session.profile === profile)
  const mine = same ?? here[0]
  if (mine === undefined) return null
  const isReusable = target.kind === 'kubernetes' && same !== undefined && same.scope === 'container'
  return (
    <div className="banner" data-tone="accent">
      <div>
        <strong>
          {isReusable
            ? 'Your debug container with this toolbox and profile still runs here.'
            : `You have a live session in this ${target.kind === 'docker' ? 'container' : 'pod'}.`}
        </strong>{' '}
        {isReusable
          ? 'Go back to it: another one would stay listed in the pod for as long as the pod lives.'
          : mine.scope !== 'container'
            ? `It runs in ${mine.copy === true ? 'a debug copy' : 'the network of the pod alone'}. Starting another one is fine.`
            : target.kind === 'kubernetes'
              ? `It uses ${mine.toolbox} with profile ${mine.profile}. Starting another one is fine.`
              : 'Starting another one is fine; going back may be what you want.'}
      </div>
      <ButtonLink
        kind={isReusable ? 'primary' : 'plain'}
        href={`/sessions/${encodeURIComponent(mine.id)}/terminal`}
      >
        Open it
      </ButtonLink>
    </div>
  )
}

/** Of the same pod and the same container in it; ids of pods may be written with the container behind them. */
function isHere({ target: { resolved, environment } }: Session, target: TargetDetail): boolean {
  if (environment !== target.environment) return false
  if (resolved.id !== target.id && !resolved.id.startsWith(`${target.id}/`)) return false
  return resolved.container === undefined || resolved.container === target.container
}
