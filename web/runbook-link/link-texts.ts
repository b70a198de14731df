/** A runbook link in the words of the tools that people put it into. Pure. */
import { addressOf, encodePart, linkAddress, type LinkChoices } from './link-address.ts'

/** Names of an alert's labels that say where it fired; empty: what the link says itself. */
export interface AlertLabels {
  namespace: string
  /** Of the workload, pod or container. */
  name: string
}

/** Labels as kube-state-metrics (docs/metrics) and cAdvisor name them. */
export function usualLabels(ref: string): AlertLabels {
  const kind = ref.split('/')[2]
  if (kind === undefined) return { namespace: '', name: 'name' }
  return { namespace: 'namespace', name: kind === 'job' ? 'job_name' : kind }
}

/** The names that Prometheus lets a template write after a dot. */
export function isLabelName(text: string): boolean {
  return /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(text)
}

/** `[Debug payments/api](https://…)`. */
export function markdownLink(base: string, choices: LinkChoices): string {
  const [environment = '', second = '', kind, name] = choices.ref.split('/')
  const words = kind === undefined ? `${second} in ${environment}` : `${second}/${name} in ${environment}`
  return `[Debug ${words.replaceAll(/[\\`*_{}[\]()#+.!|<>~&-]/g, '\\$&')}](${linkAddress(base, choices)})`
}

/**
 * Annotations for a Prometheus rule. Rules expand as Go text templates (prometheus.io, template reference), in which `urlquery`
 * is built in (pkg.go.dev/text/template): no value of a label can leave its part of the address.
 */
export function prometheusAnnotation(base: string, choices: LinkChoices, labels: AlertLabels): string {
  const named = namedLabels(labels)
  const address = templateAddress(base, choices, labels, (label) => `{{ $labels.${label} | urlquery }}`)
  return lines([
    named.length === 0
      ? '# Into the rule of the alert.'
      : `# Into the rule of the alert. What its expression returns has to have ${inWords(named)}.`,
    'annotations:',
    `  debug_url: ${quoted(address)}`,
  ])
}

/**
 * A receiver for Alertmanager whose Slack message has a button. Common labels are those that all alerts of a notification share,
 * so the route has to group by them.
 */
export function alertmanagerReceiver(base: string, choices: LinkChoices, labels: AlertLabels): string {
  const common = (label: string): string => `{{ .CommonLabels.${label} | urlquery }}`
  // Who reads it in the form knows what fired; a reason of the link's own wins.
  const reason: Record<string, string> = choices.reason === '' ? { reason: common('alertname') } : {}
  const address = templateAddress(base, choices, labels, common, reason)
  return lines([
    '# Alertmanager: the labels have to be common to all alerts of a message.',
    'route:',
    '  receiver: on-call',
    `  group_by: [${['alertname', ...namedLabels(labels)].join(', ')}]`,
    'receivers:',
    '  - name: on-call',
    '    slack_configs:',
    `      - channel: '#on-call'`,
    '        actions:',
    '          - type: button',
    '            text: Debug',
    `            url: ${quoted(address)}`,
  ])
}

function templateAddress(
  base: string,
  choices: LinkChoices,
  labels: AlertLabels,
  template: (label: string) => string,
  templates: Readonly<Record<string, string>> = {},
): string {
  const [environment = '', second = '', kind, name = ''] = choices.ref.split('/')
  const part = (label: string, fixed: string): string =>
    isLabelName(label) ? template(label) : encodePart(fixed)
  const path =
    kind === undefined
      ? [encodePart(environment), part(labels.name, second)]
      : [encodePart(environment), part(labels.namespace, second), encodePart(kind), part(labels.name, name)]
  return addressOf(base, path, choices, templates)
}

function namedLabels({ namespace, name }: AlertLabels): string[] {
  return [...new Set([namespace, name])].filter(isLabelName)
}

function inWords(labels: readonly string[]): string {
  return labels.length === 1 ? `the label ${labels[0]}` : `the labels ${labels.join(' and ')}`
}

/** YAML's single quotes know no escape but their own doubling. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

function lines(all: readonly string[]): string {
  return `${all.join('\n')}\n`
}
