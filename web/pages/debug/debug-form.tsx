import { useMutation } from '@tanstack/react-query'
import { useEffect, useState, type FormEvent, type RefObject } from 'react'
import { useLocation } from 'wouter'
import type { CreateSession, Session } from '../../../server/protocol/session-api.ts'
import type { TargetDetail } from '../../../server/protocol/target-api.ts'
import { asApiError, type ApiError } from '../../lib/api-error.ts'
import { api } from '../../lib/api.ts'
import { Button } from '../../components/button.tsx'
import { ErrorPanel } from '../../components/error-panel.tsx'
import { WarningIcon } from '../../components/icons.tsx'
import { queryClient } from '../../lib/queries.ts'
import { askForLink } from '../../lib/link-request.ts'
import { prefillPrompt } from '../../terminal/prefill.ts'
import { keepRunbookView } from '../../terminal/runbook-view.ts'
import { ChoiceList } from './choice-list.tsx'
import { ContainerChoice } from './container-choice.tsx'
import type { DebugPlace } from './debug-place.ts'
import { linkText, runOf, runPlan, type RunPlan } from '../../lib/link-text.ts'
import { LiveSession } from './live-session.tsx'
import { PodChoice } from './pod-choice.tsx'
import { ProcessChoice } from './process-choice.tsx'
import { ReasonFields } from './reason-fields.tsx'
import { ApprovalNotice, StartBar } from './start-bar.tsx'
import { useReason, type ReasonState } from './use-reason.ts'
import { useSessionChoices, type SessionChoices } from './use-session-choices.ts'
import { WhatHappens } from './what-happens.tsx'
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
  const { target, options, place, parameters, isChanging } = props
  const choices = useSessionChoices(target, options, place, parameters)
  const { where, scope, process, toolbox, profile, profiles, shown, isAsking, failure } = choices
  const [link] = useState(() => linkText(parameters))
  const words = useReason(options, link)
  const { plan, note } = runPlan(parameters, options.runbooks)
  const start = useStart(plan)
  useFirstInput(words.reason.input)
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
      ...words.request,
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
  const askLink = (): void =>
    askForLink({ ref: place.ref, process, toolbox, profile, ...words.request, run: runOf(plan) })
  const notes = [
    ...(place.notes ?? []),
    ...choices.notes,
    ...link.notes,
    ...(note === undefined ? [] : [note]),
  ]
  return (
    <form className="debug-form" aria-label={`Debug ${target.name}`} onSubmit={submit} noValidate>
      <FormFields {...props} choices={choices} words={words} notes={notes} />
      <div className="debug-side">
        {problem === undefined && failure === undefined ? null : (
          <div ref={intoView}>
            <ErrorPanel error={problem ?? failure} />
          </div>
        )}
        {options.approval === undefined ? null : <ApprovalNotice approval={options.approval} />}
        {where === 'nowhere' || failure !== undefined ? null : (
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
        <Button kind="quiet" onClick={askLink}>
          Copy runbook link
        </Button>
      </div>
    </form>
  )
}

interface FormFieldsProps extends DebugFormProps {
  choices: SessionChoices
  words: ReasonState
  /** What of a link is not in the form as it was written. */
  notes: readonly string[]
}

/** What somebody fills in and chooses. */
function FormFields({ target, options, choice, place, onPod, onContainer, ...rest }: FormFieldsProps) {
  const { choices, words, notes } = rest
  const { toolboxes, toolbox, profiles, profile } = choices
  return (
    <div className="stack wide-gap">
      <LiveSession target={target} toolbox={toolbox} profile={profile} />
      <LinkNotes notes={notes} />
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
      <ProcessChoice options={options} value={choices.process} onChange={choices.setProcess} />
      <WhereChoice target={target} where={choices.where} onChange={choices.setWhere} />
      <ChoiceList
        legend="Toolbox"
        name="toolbox"
        choices={toolboxes.choices}
        value={toolbox}
        onChange={choices.setToolbox}
        note={toolboxes.note}
      />
      <ChoiceList
        legend="Profile"
        name="profile"
        choices={profiles.choices}
        value={profile}
        onChange={choices.setProfile}
        note={profiles.note}
      />
    </div>
  )
}

/** The form begins with the reason, and whoever fills it in needs the terminal next: it loads meanwhile. */
function useFirstInput(input: RefObject<HTMLInputElement | null>): void {
  useEffect(() => {
    input.current?.focus()
    import('../../terminal/terminal-page.tsx').catch(() => undefined)
  }, [input])
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
