import { useMutation } from '@tanstack/react-query'
import { useEffect, useState, type FormEvent } from 'react'
import { useLocation } from 'wouter'
import type { CreateSession, Session } from '../../../server/protocol/session-api.ts'
import type { TargetDetail } from '../../../server/protocol/target-api.ts'
import { asApiError, type ApiError } from '../../lib/api-error.ts'
import { api } from '../../lib/api.ts'
import { Button } from '../../components/button.tsx'
import { ErrorPanel } from '../../components/error-panel.tsx'
import { WarningIcon } from '../../components/icons.tsx'
import { queryClient, useTarget } from '../../lib/queries.ts'
import { askForLink } from '../../lib/link-request.ts'
import { prefillPrompt } from '../../terminal/prefill.ts'
import { keepRunbookView } from '../../terminal/runbook-view.ts'
import { ChoiceList } from './choice-list.tsx'
import { ContainerChoice } from './container-choice.tsx'
import { profileChoices, profilesForProcess, toolboxChoices, valueOf } from './debug-choices.ts'
import type { DebugPlace } from './debug-place.ts'
import { linkText, runOf, runPlan, type RunPlan } from '../../lib/link-text.ts'
import { LiveSession } from './live-session.tsx'
import { PodChoice } from './pod-choice.tsx'
import { ProcessChoice } from './process-choice.tsx'
import { linkedProcess } from '../../lib/process-options.ts'
import { ReasonFields } from './reason-fields.tsx'
import { ApprovalNotice, StartBar } from './start-bar.tsx'
import { useReason } from './use-reason.ts'
import { WhatHappens } from './what-happens.tsx'
import { chosenWhere, type Where } from './session-scope.ts'
import { WhereChoice } from './where-choice.tsx'
import './debug-form.css'

type Options = NonNullable<TargetDetail['options']>

interface DebugFormProps {
  target: TargetDetail
  options: Options
  choice: TargetDetail['choice']
  place: DebugPlace
  /** Of the runbook link: toolbox, profile, process, reason, ticket, run. */
  parameters: URLSearchParams
  /** Another pod or container was just chosen, and its answer is not here yet. */
  isChanging: boolean
  onPod: (pod: string | undefined) => void
  onContainer: (container: string) => void
}

/** Reason first: with the defaults it is all that there is to do. Enter starts. */
export function DebugForm(props: DebugFormProps) {
  const { target, options, choice, place, parameters, isChanging, onPod, onContainer } = props
  const toolboxes = toolboxChoices(options, parameters.get('toolbox') ?? '')
  const [toolboxWish, setToolbox] = useState<string>()
  const [profileWish, setProfile] = useState<string>()
  const [whereWish, setWhere] = useState<Where>()
  const where = chosenWhere(target, whereWish)
  const scope = where === 'pod' || where === 'nowhere' ? undefined : where
  const linked = linkedProcess(target, parameters)
  const [process, setProcess] = useState(linked.process)
  // As whom it runs, and what it sees there, is another question than beside the container and its process that is found.
  const isOther = scope !== undefined || process !== ''
  const other = useTarget(place.ref, { pick: place.pick, scope, process, enabled: isOther })
  // Nothing is said, and nothing starts, of what could not be asked: it is asked again by itself.
  const isUnknown = isOther && other.isError && other.data === undefined
  const isAsking = isUnknown || (isOther && (other.isPending || other.isPlaceholderData))
  const shown = (isOther ? other.data?.options : undefined) ?? options
  const askedProfile = parameters.get('profile') ?? ''
  const profiles =
    process === ''
      ? profileChoices(shown, askedProfile)
      : profilesForProcess(shown, profileChoices(options, askedProfile))
  const [link] = useState(() => linkText(parameters))
  const words = useReason(options, link)
  const { plan, note } = runPlan(parameters, options.runbooks)
  const start = useStart(plan)
  const firstInput = words.reason.input
  useEffect(() => {
    firstInput.current?.focus()
    // Whoever fills this in needs the terminal next: it loads meanwhile.
    import('../../terminal/terminal-page.tsx').catch(() => undefined)
  }, [firstInput])

  // A wish holds as long as it can: the next pod may not allow it.
  const toolbox = valueOf(toolboxes, toolboxWish)
  const profile = valueOf(profiles, profileWish)
  const [problem, setProblem] = useState<ApiError>()
  const isImpossible = toolbox === '' || profile === '' || where === 'nowhere'
  const begin = (how: Pick<CreateSession, 'breakGlass'>): void => {
    if (start.isPending || isChanging || isAsking || isImpossible) return
    setProblem(undefined)
    const body: CreateSession = {
      ...how,
      target: place.ref,
      toolbox,
      profile: profile as NonNullable<CreateSession['profile']>,
      ...(place.pick === undefined ? {} : { pick: place.pick as NonNullable<CreateSession['pick']> }),
      ...(scope === undefined ? {} : { scope }),
      ...(process === '' ? {} : { process }),
      ...words.said,
    }
    const onError = (cause: unknown): void => {
      const error = asApiError(cause)
      if (!words.takes(error)) setProblem(error)
    }
    start.mutate(body, { onError })
  }
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    if (words.isComplete(options.requireReason)) begin({})
  }
  return (
    <form className="debug-form" aria-label={`Debug ${target.name}`} onSubmit={submit} noValidate>
      <div className="stack wide-gap">
        <LiveSession target={target} toolbox={toolbox} profile={profile} />
        <LinkNotes
          notes={[
            ...(place.notes ?? []),
            ...linked.notes,
            ...link.notes,
            ...(note === undefined ? [] : [note]),
          ]}
        />
        <ReasonFields reason={words.reason} ticket={words.ticket} />
        {choice === undefined ? null : (
          <PodChoice
            choice={choice}
            chosen={place.pod ?? target.pod}
            isOwnChoice={place.pod !== undefined}
            onChoose={onPod}
          />
        )}
        <ContainerChoice
          containers={target.containers ?? []}
          chosen={place.container ?? target.container}
          onChoose={onContainer}
        />
        <ProcessChoice options={options} value={process} onChange={setProcess} />
        <WhereChoice target={target} where={where} onChange={setWhere} />
        <ChoiceList
          legend="Toolbox"
          name="toolbox"
          choices={toolboxes.choices}
          value={toolbox}
          onChange={setToolbox}
          note={toolboxes.note}
        />
        <ChoiceList
          legend="Profile"
          name="profile"
          choices={profiles.choices}
          value={profile}
          onChange={setProfile}
          note={profiles.note}
        />
      </div>
      <div className="debug-side">
        {problem === undefined && !isUnknown ? null : (
          <div ref={intoView}>
            <ErrorPanel error={problem ?? other.error} />
          </div>
        )}
        {options.approval === undefined ? null : <ApprovalNotice approval={options.approval} />}
        {where === 'nowhere' || isUnknown ? null : (
          <WhatHappens
            target={target}
            options={shown}
            toolbox={toolbox}
            profile={profile}
            where={where}
            plan={plan}
          />
        )}
        <StartBar
          approval={options.approval}
          where={where}
          isBusy={start.isPending || isChanging || isAsking}
          isImpossible={isImpossible}
          mayChoose={profile === '' && profiles.choices.some((each) => each.problem === undefined)}
          mayBreakGlass={() => words.isComplete(true)}
          onBreakGlass={() => begin({ breakGlass: true })}
        />
        <Button
          kind="quiet"
          onClick={() =>
            askForLink({ ref: place.ref, process, toolbox, profile, ...words.said, run: runOf(plan) })
          }
        >
          Copy runbook link
        </Button>
      </div>
    </form>
  )
}

function useStart(plan: RunPlan) {
  const [, navigate] = useLocation()
  return useMutation({
    mutationFn: (body: CreateSession) =>
      api<Session>('/sessions', { method: 'POST', body, timeoutMs: 30_000 }),
    onSuccess: (session) => {
      if (plan.kind === 'text') prefillPrompt(session.id, plan.text)
      if (plan.kind === 'runbook') keepRunbookView(session.id, { isOpen: true, name: plan.name })
      queryClient.setQueryData(['session', session.id], session)
      void queryClient.invalidateQueries({ queryKey: ['sessions'] })
      // Going back from the terminal leads to where the form was opened from, not to a second start.
      navigate(`/sessions/${encodeURIComponent(session.id)}/terminal`, { replace: true })
    },
  })
}

/** On a phone the form is longer than the screen, and a refusal must not be below it. */
function intoView(element: HTMLElement | null): void {
  element?.firstElementChild?.scrollIntoView({ block: 'nearest' })
}

/** What of a link is not in the form as it was written. */
function LinkNotes({ notes }: { notes: readonly string[] }) {
  if (notes.length === 0) return null
  return (
    <div className="banner" data-tone="warn" role="alert">
      <WarningIcon />
      <div className="banner-lines">
        {notes.map((note) => (
          <p key={note}>{note}</p>
        ))}
      </div>
    </div>
  )
}
