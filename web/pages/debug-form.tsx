import { useMutation } from '@tanstack/react-query'
import { useEffect, useRef, useState, type FormEvent } from 'react'
import { useLocation } from 'wouter'
import type { CreateSession, Session } from '../../server/protocol/api.ts'
import type { TargetDetail } from '../../server/protocol/target-api.ts'
import { asApiError } from '../api-error.ts'
import { api } from '../api.ts'
import { Button } from '../components/button.tsx'
import { ErrorPanel } from '../components/error-panel.tsx'
import { Field } from '../components/field.tsx'
import { queryClient } from '../queries.ts'
import { prefillPrompt } from '../terminal/prefill.ts'
import { ChoiceList } from './choice-list.tsx'
import { profileChoices, toolboxChoices } from './debug-choices.ts'
import { WhatHappens } from './what-happens.tsx'

type Options = NonNullable<TargetDetail['options']>

interface DebugFormProps {
  target: TargetDetail
  options: Options
  /** Of the runbook link: toolbox, profile, reason, ticket, run. */
  parameters: URLSearchParams
}

/** Reason first: with the defaults it is all that there is to do. Enter starts. */
export function DebugForm({ target, options, parameters }: DebugFormProps) {
  const toolboxes = toolboxChoices(options, parameters.get('toolbox') ?? '')
  const profiles = profileChoices(options, parameters.get('profile') ?? '')
  const [toolbox, setToolbox] = useState(toolboxes.chosen)
  const [profile, setProfile] = useState(profiles.chosen)
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

  const problem = start.error === null ? undefined : asApiError(start.error)
  const reasonError =
    isReasonMissing && reason.trim() === ''
      ? 'Policy asks for a reason here. It goes to the audit trail.'
      : problem?.fields.find((field) => field.pointer.includes('reason'))?.message
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    if (start.isPending) return
    const isMissing = options.requireReason && reason.trim() === ''
    setIsReasonMissing(isMissing)
    if (isMissing) {
      reasonInput.current?.focus()
      return
    }
    start.mutate({
      target: target.ref,
      toolbox,
      profile: profile as NonNullable<CreateSession['profile']>,
      ...(reason.trim() === '' ? {} : { reason: reason.trim() }),
      ...(ticket.trim() === '' ? {} : { ticket: ticket.trim() }),
    })
  }
  const isImpossible = toolbox === '' || profile === ''
  return (
    <form className="debug-form" aria-label={`Debug ${target.name}`} onSubmit={submit} noValidate>
      <div className="stack wide-gap">
        <div className="reason-row">
          <Field
            label="Reason"
            isRequired={options.requireReason}
            error={reasonError}
            hint="Why you need it. Kept in the audit trail."
          >
            {(control) => (
              <input
                {...control}
                ref={reasonInput}
                type="text"
                maxLength={500}
                autoComplete="off"
                placeholder="checkout returns 502 since 02:40"
                value={reason}
                onChange={(event) => setReason(event.target.value)}
              />
            )}
          </Field>
          <Field label="Ticket" hint="Optional.">
            {(control) => (
              <input
                {...control}
                type="text"
                maxLength={100}
                autoComplete="off"
                placeholder="INC-1234"
                value={ticket}
                onChange={(event) => setTicket(event.target.value)}
              />
            )}
          </Field>
        </div>
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
        <WhatHappens target={target} options={options} toolbox={toolbox} profile={profile} run={run} />
        <div className="start-bar">
          <Button kind="primary" type="submit" isBusy={start.isPending} disabled={isImpossible}>
            Start session
          </Button>
          <p className="faint small-print centered">
            {isImpossible
              ? 'Nothing that policy allows works here.'
              : 'Enter starts it. Nothing happens before.'}
          </p>
        </div>
      </div>
    </form>
  )
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
