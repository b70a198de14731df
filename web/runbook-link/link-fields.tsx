import { useState, type ReactNode } from 'react'
import { Field } from '../components/field.tsx'
import { ChevronIcon } from '../components/icons.tsx'
import { processOptions } from '../lib/process-options.ts'
import { lastingProcess } from './stable-ref.ts'
import type { LinkState } from './use-link-choices.ts'
import './link-fields.css'

/** What the link says: where it leads, what it chooses, what it fills in. */
export function LinkFields({ state }: { state: LinkState }) {
  const { target, isGone, refs, choices, change } = state
  const options = target?.options
  const containers = (target?.containers ?? []).filter(({ kind }) => kind === 'app' || kind === 'sidecar')
  return (
    <div className="link-fields">
      {isGone ? (
        <output className="banner link-whole" data-tone="warn">
          There is no such target now, or you may not see it. The link would be stale.
        </output>
      ) : null}
      {refs.length < 2 ? null : (
        <Choice
          label="Leads to"
          hint={
            choices.ref.split('/')[2] === 'pod'
              ? 'Stale as soon as the pod is replaced.'
              : 'Whichever pod is there then.'
          }
          value={choices.ref}
          options={refs.map((ref) => [ref, refInWords(ref)])}
          onChange={(ref) => change({ ref })}
        />
      )}
      {containers.length < 2 ? null : (
        <Choice
          label="Container"
          value={choices.container}
          options={[['', 'the pod’s default one'], ...containers.map(({ name }) => [name, name] as const)]}
          onChange={(container) => change({ container })}
        />
      )}
      <Process state={state} />
      <Choice
        label="Toolbox"
        value={choices.toolbox}
        options={[['', 'the first that is allowed'], ...namesOf(options?.toolboxes, choices.toolbox)]}
        onChange={(toolbox) => change({ toolbox })}
      />
      <Choice
        label="Profile"
        value={choices.profile}
        options={[['', 'the first that is allowed'], ...namesOf(options?.profiles, choices.profile)]}
        onChange={(profile) => change({ profile })}
      />
      <Line label="Reason" max={500} value={choices.reason} onChange={(reason) => change({ reason })} />
      <Line label="Ticket" max={100} value={choices.ticket} onChange={(ticket) => change({ ticket })} />
      <Run state={state} />
    </div>
  )
}

/** Nothing, a runbook, or text for the prompt. */
function Run({ state }: { state: LinkState }) {
  const { target, choices, change } = state
  const runbooks = target?.options?.runbooks ?? []
  const isRunbook = runbooks.some(({ name }) => name === choices.run)
  const [types, setTypes] = useState(choices.run !== '')
  const value = isRunbook ? `runbook ${choices.run}` : types ? 'text' : 'nothing'
  return (
    <>
      <Choice
        label="At the prompt"
        value={value}
        options={[
          ['nothing', 'nothing'],
          ...runbooks.map(({ name }) => [`runbook ${name}`, `runbook ${name} beside it`] as const),
          ['text', 'type a command, not run'],
        ]}
        onChange={(next) => {
          setTypes(next === 'text')
          change({ run: next.startsWith('runbook ') ? next.slice('runbook '.length) : '' })
        }}
      />
      {value === 'text' ? (
        <Line label="Command" isCode max={2000} value={choices.run} onChange={(run) => change({ run })} />
      ) : null}
    </>
  )
}

/** Of a container in Docker with several, or where one was asked for. */
function Process({ state }: { state: LinkState }) {
  const { target, choices, change } = state
  // Stays to be chosen when it is taken back.
  const [asked, setAsked] = useState(choices.process)
  const others = (target?.options?.processes?.items ?? [])
    .filter(({ found }) => !found)
    .map((each) => ({ ...each, process: lastingProcess(each.process, target) }))
  const options = processOptions(others, lastingProcess(asked, target))
  if (options.length < 2) return null
  return (
    <Choice
      label="Process"
      value={choices.process}
      options={options}
      onChange={(process) => {
        if (process !== '') setAsked(process)
        change({ process })
      }}
    />
  )
}

/** With what was asked for, also where it cannot be had any more. */
function namesOf(
  choices: readonly { name: string }[] | undefined,
  asked: string,
): (readonly [string, string])[] {
  const names = (choices ?? []).map(({ name }) => name)
  return (asked === '' || names.includes(asked) ? names : [...names, asked]).map((name) => [name, name])
}

function refInWords(ref: string): string {
  const [, , kind = '', name = ''] = ref.split('/')
  return kind === 'pod' ? `this pod, ${name}` : `${kind} ${name}`
}

interface ChoiceProps {
  label: string
  hint?: ReactNode
  value: string
  options: readonly (readonly [value: string, words: string])[]
  onChange: (value: string) => void
}

function Choice({ label, hint, value, options, onChange }: ChoiceProps) {
  return (
    <Field label={label} hint={hint}>
      {(control) => (
        <span className="select block">
          <select {...control} value={value} onChange={(event) => onChange(event.target.value)}>
            {options.map(([option, words]) => (
              <option key={option} value={option}>
                {words}
              </option>
            ))}
          </select>
          <ChevronIcon />
        </span>
      )}
    </Field>
  )
}

interface LineProps {
  label: string
  max: number
  isCode?: boolean
  value: string
  onChange: (value: string) => void
}

/** What is typed stays as it is; the link gets what can be shown of it. */
function Line({ label, max, isCode = false, value, onChange }: LineProps) {
  const [text, setText] = useState(value)
  return (
    <Field label={label}>
      {(control) => (
        <input
          {...control}
          type="text"
          className={isCode ? 'mono' : undefined}
          maxLength={max}
          autoComplete="off"
          spellCheck={!isCode}
          value={text}
          onChange={(event) => {
            setText(event.target.value)
            onChange(event.target.value)
          }}
        />
      )}
    </Field>
  )
}
