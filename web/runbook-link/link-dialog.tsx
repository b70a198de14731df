import { Tabs } from '@base-ui/react/tabs'
import { useState } from 'react'
import { Button } from '../components/button.tsx'
import { useCopy } from '../components/copy-button.tsx'
import { Dialog } from '../components/dialog.tsx'
import { Field } from '../components/field.tsx'
import { nextPath } from '../lib/next-path.ts'
import { linkAddress, type LinkChoices } from './link-address.ts'
import { LinkFields } from './link-fields.tsx'
import { closeLinkDialog, type LinkRequest } from '../lib/link-request.ts'
import {
  alertmanagerReceiver,
  isLabelName,
  markdownLink,
  prometheusAnnotation,
  usualLabels,
  type AlertLabels,
} from './link-texts.ts'
import { useLinkChoices } from './use-link-choices.ts'
import './link-dialog.css'

const forms = ['Link', 'Markdown', 'Prometheus', 'Alertmanager'] as const
type Form = (typeof forms)[number]

/** Makes a link that leads to the prepared form of one target, and the texts that carry it. */
export function LinkDialog({ request }: { request: LinkRequest }) {
  const state = useLinkChoices(request)
  const { base, choices } = state
  const [form, setForm] = useState<Form>('Link')
  const usual = usualLabels(choices.ref)
  const [ownLabels, setLabels] = useState<Partial<AlertLabels>>({})
  const labels = { ...usual, ...ownLabels }
  const text = textOf(form, base, choices, labels)
  const { isCopied, copy } = useCopy()
  return (
    <Dialog
      isOpen
      isWide
      onClose={closeLinkDialog}
      title={`Runbook link to ${nameOf(choices.ref)}`}
      description="It opens the prepared form. It starts nothing by itself, and allows nobody more than policy does."
    >
      <LinkFields state={state} />
      {survivesSignIn(base, choices) ? null : (
        <output className="banner" data-tone="warn">
          This link is so long that whoever has to sign in first is not brought back to it. Shorten it.
        </output>
      )}
      <Tabs.Root value={form} onValueChange={(next: Form) => setForm(next)} className="link-forms">
        <Tabs.List className="link-tabs" aria-label="As what">
          {forms.map((name) => (
            <Tabs.Tab key={name} value={name} className="link-tab">
              {name}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {forms.map((name) => (
          <Tabs.Panel key={name} value={name} className="link-panel">
            {name === 'Link' || name === 'Markdown' ? null : (
              <LabelFields
                choices={choices}
                labels={labels}
                onChange={(change) => setLabels({ ...ownLabels, ...change })}
              />
            )}
            {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it scrolls: the keyboard has to get there */}
            <pre className="link-text" tabIndex={0} aria-label={`The ${name} text`}>
              {text}
            </pre>
          </Tabs.Panel>
        ))}
      </Tabs.Root>
      <div className="actions end">
        <Button onClick={closeLinkDialog}>Close</Button>
        <Button kind="primary" onClick={() => void copy(text)}>
          {isCopied ? 'Copied' : 'Copy'}
        </Button>
      </div>
    </Dialog>
  )
}

/** Whether a sign-in leads back to it. */
function survivesSignIn(base: string, choices: LinkChoices): boolean {
  const path = linkAddress(base, choices).slice(base.length)
  return nextPath(path) === path
}

function nameOf(ref: string): string {
  const [, second = '', , name] = ref.split('/')
  return name ?? second
}

function textOf(form: Form, base: string, choices: LinkChoices, labels: AlertLabels): string {
  switch (form) {
    case 'Link':
      return linkAddress(base, choices)
    case 'Markdown':
      return markdownLink(base, choices)
    case 'Prometheus':
      return prometheusAnnotation(base, choices, labels)
    case 'Alertmanager':
      return alertmanagerReceiver(base, choices, labels)
    default:
      return form satisfies never
  }
}

interface LabelFieldsProps {
  choices: LinkChoices
  labels: AlertLabels
  onChange: (change: Partial<AlertLabels>) => void
}

/** Which labels of the alert say where it fired, in place of what the link says itself. */
function LabelFields({ choices, labels, onChange }: LabelFieldsProps) {
  const [, second = '', kind, name = ''] = choices.ref.split('/')
  return (
    <div className="link-labels">
      {kind === undefined ? null : (
        <LabelField
          label="Label with the namespace"
          value={labels.namespace}
          fixed={second}
          onChange={(namespace) => onChange({ namespace })}
        />
      )}
      <LabelField
        label={`Label with the ${kind ?? 'container'}’s name`}
        value={labels.name}
        fixed={kind === undefined ? second : name}
        onChange={(name) => onChange({ name })}
      />
    </div>
  )
}

interface LabelFieldProps {
  label: string
  value: string
  fixed: string
  onChange: (value: string) => void
}

function LabelField({ label, value, fixed, onChange }: LabelFieldProps) {
  const isWrong = value !== '' && !isLabelName(value)
  return (
    <Field
      label={label}
      error={isWrong ? 'Letters, digits and underscores only.' : undefined}
      hint={value === '' ? `Always ${fixed}.` : `Leave it empty for always ${fixed}.`}
    >
      {(control) => (
        <input
          {...control}
          type="text"
          className="mono"
          maxLength={100}
          autoComplete="off"
          spellCheck={false}
          value={value}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </Field>
  )
}
