import { useMutation } from '@tanstack/react-query'
import { useEffect, useRef, useState, type FormEvent } from 'react'
import { useLocation } from 'wouter'
import type { CreateSession, Session } from '../../server/protocol/api.ts'
import type { TargetDetail } from '../../server/protocol/target-api.ts'
import { asApiError } from '../api-error.ts'
import { api } from '../api.ts'
import { ErrorPanel } from '../components/error-panel.tsx'
import { queryClient } from '../queries.ts'
import { prefillPrompt } from '../terminal/prefill.ts'
import { ChoiceList } from './choice-list.tsx'
import { ContainerChoice } from './container-choice.tsx'
import { profileChoices, toolboxChoices, valueOf } from './debug-choices.ts'
import type { DebugPlace } from './debug-place.ts'
import { LiveSession } from './live-session.tsx'
import { PodChoice } from './pod-choice.tsx'
import { ReasonFields } from './reason-fields.tsx'
import { ApprovalNotice, StartBar } from './start-bar.tsx'
import { WhatHappens } from './what-happens.tsx'
import { whereChoices, WhereChoice, type Where } from './where-choice.tsx'

type Options = NonNullable<TargetDetail['options']>

interface DebugFormProps {
  target: TargetDetail
  options: Options
  choice: TargetDetail['choice']
  place: DebugPlace
  /** Of the runbook link: toolbox, profile, reason, ticket, run. */
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
  const profiles = profileChoices(options, parameters.get('profile') ?? '')
  const [toolboxWish, setToolbox] = useState<string>()
  const [profileWish, setProfile] = useState<string>()
  const [whereWish, setWhere] = useState<Where>()
  const [reason, setReason] = useState(clean(parameters.get('reason'), 500))
  const [ticket, setTicket] = useState(clean(parameters.get('ticket'), 100))
  const [isReasonMissing, setIsReasonMissing] = useState(false)
  const reasonInput = useRef<HTMLInputElement>(null)
  const run = clean(parameters.get('run'), 2000)
  const start = useStart(run)
  useEffect(() => {
    reasonInput.current?.focus()
    // Whoever fills this in needs the terminal next: it loads meanwhile.
    import('../terminal/terminal-page.tsx').catch(() => undefined)
  }, [])

  // A wish holds as long as it can: the next pod may not allow it.
  const toolbox = valueOf(toolboxes, toolboxWish)
  const profile = valueOf(profiles, profileWish)
  const where = chosenWhere(target, whereWish)
  const problem = start.error === null ? undefined : asApiError(start.error)
  const reasonError =
    isReasonMissing && reason.trim() === ''
      ? 'A reason is needed here. It goes to the audit trail.'
      : problem?.fields.find((field) => field.pointer.includes('reason'))?.message
  const isImpossible = toolbox === '' || profile === '' || where === 'nowhere'
  const hasReason = (isRequired: boolean): boolean => {
    const isMissing = isRequired && reason.trim() === ''
    setIsReasonMissing(isMissing)
    if (isMissing) reasonInput.current?.focus()
    return !isMissing
  }
  const begin = (how: Pick<CreateSession, 'breakGlass'>): void => {
    if (start.isPending || isChanging || isImpossible) return
    start.mutate({
      ...how,
      target: place.ref,
      toolbox,
      profile: profile as NonNullable<CreateSession['profile']>,
      ...(place.pick === undefined ? {} : { pick: place.pick as NonNullable<CreateSession['pick']> }),
      ...(where === 'copy' ? { copy: true } : {}),
      ...(reason.trim() === '' ? {} : { reason: reason.trim() }),
      ...(ticket.trim() === '' ? {} : { ticket: ticket.trim() }),
    })
  }
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    if (hasReason(options.requireReason)) begin({})
  }
  return (
    <form className="debug-form" aria-label={`Debug ${target.name}`} onSubmit={submit} noValidate>
      <div className="stack wide-gap">
        <LiveSession target={target} toolbox={toolbox} profile={profile} />
        <ReasonFields
          reason={reason}
          ticket={ticket}
          isRequired={options.requireReason}
          error={reasonError}
          reasonInput={reasonInput}
          onReason={setReason}
          onTicket={setTicket}
        />
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
        {problem === undefined ? null : (
          <div ref={intoView}>
            <ErrorPanel error={problem} />
          </div>
        )}
        {options.approval === undefined ? null : <ApprovalNotice approval={options.approval} />}
        {where === 'nowhere' ? null : (
          <WhatHappens
            target={target}
            options={options}
            toolbox={toolbox}
            profile={profile}
            where={where}
            run={run}
          />
        )}
        <StartBar
          approval={options.approval}
          where={where}
          isBusy={start.isPending || isChanging}
          isImpossible={isImpossible}
          mayBreakGlass={() => hasReason(true)}
          onBreakGlass={() => begin({ breakGlass: true })}
        />
      </div>
    </form>
  )
}

function chosenWhere(target: TargetDetail, wish: Where | undefined): Where {
  const { inPod, copy } = whereChoices(target)
  if (wish === 'copy' && copy) return 'copy'
  if (inPod) return 'pod'
  return copy ? 'copy' : 'nowhere'
}

function useStart(run: string) {
  const [, navigate] = useLocation()
  return useMutation({
    mutationFn: (body: CreateSession) =>
      api<Session>('/sessions', { method: 'POST', body, timeoutMs: 30_000 }),
    onSuccess: (session) => {
      if (run !== '') prefillPrompt(session.id, run)
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

/** Text of a link: printable characters only, on one line. */
function clean(text: string | null, max: number): string {
  return (text ?? '')
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ')
    .trim()
    .slice(0, max)
}
