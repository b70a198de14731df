import { useState } from 'react'
import type { TargetDetail } from '../../../server/protocol/target-api.ts'
import { linkedProcess } from '../../lib/process-options.ts'
import { useTarget } from '../../lib/queries.ts'
import { profileChoices, profilesForProcess, toolboxChoices, valueOf, type Choices } from './debug-choices.ts'
import type { DebugPlace } from './debug-place.ts'
import { chosenWhere, type Where } from './session-scope.ts'

type Options = NonNullable<TargetDetail['options']>

export interface SessionChoices {
  where: Where
  setWhere: (where: Where) => void
  /** What the request says of it; undefined for the container itself, or when nothing can be opened. */
  scope: 'network' | 'copy' | undefined
  /** The gateway's word for the process that is looked at; empty for the one that it finds. */
  process: string
  setProcess: (process: string) => void
  toolboxes: Choices
  /** Empty when none can be had; so is `profile`. */
  toolbox: string
  setToolbox: (name: string) => void
  profiles: Choices
  profile: string
  setProfile: (name: string) => void
  /** What holds for this scope and process. */
  shown: Options
  /** The gateway is being asked what holds, or could not be. */
  isAsking: boolean
  /** Why it could not be asked; undefined when it could. */
  failure: Error | undefined
  /** What of the link could not be had, in words. */
  notes: readonly string[]
}

/**
 * Where a session would run, with which toolbox and profile: what the link in `parameters` names, until somebody chooses.
 * What was chosen holds as long as it can: the next pod may not allow it.
 */
export function useSessionChoices(
  target: TargetDetail,
  options: Options,
  place: DebugPlace,
  parameters: URLSearchParams,
): SessionChoices {
  const [preferredToolbox, setToolbox] = useState<string>()
  const [preferredProfile, setProfile] = useState<string>()
  const [preferredWhere, setWhere] = useState<Where>()
  const where = chosenWhere(target, preferredWhere)
  const scope = where === 'pod' || where === 'nowhere' ? undefined : where
  const linked = linkedProcess(target, parameters)
  const [process, setProcess] = useState(linked.process)
  // As whom it runs, and what it sees there, is another question than beside the container and its process that is found.
  const isOther = scope !== undefined || process !== ''
  const other = useTarget(place.ref, { pick: place.pick, scope, process, enabled: isOther })
  // Nothing is said, and nothing starts, of what could not be asked: it is asked again by itself.
  const isUnknown = isOther && other.isError && other.data === undefined
  const shown = (isOther ? other.data?.options : undefined) ?? options
  const toolboxes = toolboxChoices(options, parameters.get('toolbox') ?? '')
  const linkedProfile = parameters.get('profile') ?? ''
  const profiles =
    process === ''
      ? profileChoices(shown, linkedProfile)
      : profilesForProcess(shown, profileChoices(options, linkedProfile))
  return {
    where,
    setWhere,
    scope,
    process,
    setProcess,
    toolboxes,
    toolbox: valueOf(toolboxes, preferredToolbox),
    setToolbox,
    profiles,
    profile: valueOf(profiles, preferredProfile),
    setProfile,
    shown,
    isAsking: isUnknown || (isOther && (other.isPending || other.isPlaceholderData)),
    failure: isUnknown ? other.error : undefined,
    notes: linked.notes,
  }
}
