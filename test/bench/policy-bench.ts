import type { PolicyTarget } from '../../server/core/policy.ts'
import { compilePolicy } from '../../server/policy/compile-policy.ts'
import type { Rule } from '../../server/policy/rule.ts'
import { weekdays } from '../../server/policy/time-window.ts'
import type { Report } from './report.ts'
import { digits, median, percentile } from './statistics.ts'

const ruleCount = 10_000
const barMs = 1
const rounds = 300
const warmUp = 100

const group = (name: string) => ({ everyone: false, groups: [name], subjects: [] })
const hours = { days: weekdays, hours: [{ from: 0, to: 1440 }], timeZone: 'Europe/Berlin' }
const limits: Partial<Rule> = {
  profiles: ['auto', 'general'],
  toolboxes: ['busybox', 'netshoot'],
  requireTicket: true,
  maxDurationMs: 3_600_000,
  reasonPattern: '[A-Z]+-[0-9]+ .{5,}',
}

/** Where few rules are about the question, most are never looked at. */
const found: Record<string, (index: number) => Partial<Rule>> = {
  'a group each': (index) => ({ who: group(`g${index}`) }),
  '100 groups, 100 spaces': (index) => ({
    who: group(`g${index % 100}`),
    where: { environments: ['prod'], namespaces: [`ns-${Math.floor(index / 100)}`] },
  }),
  'a target each': (index) => ({ where: { targets: [`pod/web-${index}`] } }),
  'a glob each, hours': (index) => ({ where: { targets: [`pod/web-${index}-*`] }, when: hours }),
  'a short inner glob': (index) => ({ who: group(`*${index % 100}*`) }),
  'globs of one letter': (index) => ({ where: { targets: [`*${index % 10}?`] } }),
  'an inner glob each': (index) => ({ where: { targets: [`*-${index}-*`] } }),
  'a label value each': (index) => ({ where: { labels: { app: [`web-${index}`] } } }),
}

/** Where nothing literal tells rules apart, each one is judged. */
const judged: Record<string, (index: number) => Partial<Rule>> = {
  'NotIn each': (index) => ({
    where: {
      matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['web-9999', `web-${index}`] }],
    },
  }),
  'never at this hour': () => ({ when: { hours: [{ from: 0, to: 1 }], timeZone: 'UTC' } }),
  'none, of the action': () => ({ actions: ['watch'] }),
}

/** Where every rule is about the question, every rule has its say in the answer. */
const matching: Record<string, (index: number) => Partial<Rule>> = {
  'all allow': () => ({}),
  'all deny': () => ({ effect: 'deny' }),
  'all, an approval each': () => ({
    effect: 'require-approval',
    approval: { groups: ['leads'], count: 1 },
  }),
  'all, hours and limits': () => ({ ...limits, when: hours }),
  'all, an expression each': (index) => ({ ...limits, reasonPattern: `(INC|CHG)-${index}?[0-9]* .+` }),
}

/** One decision with 10,000 rules. Nothing is kept from one to the next but the minute that a clock shows. */
export function benchPolicy(report: Report): void {
  const bar = `bar: ${barMs} ms, judged by p99`
  report.section(
    'Policy, ms',
    `one decision with ${ruleCount} rules, each for everyone unless it says otherwise; ${bar}`,
  )
  for (const [lane, shapes] of Object.entries({ found, judged, matching }))
    for (const [what, shape] of Object.entries(shapes)) report.line({ what, lane, ...measure(shape) })
}

function measure(shape: (index: number) => Partial<Rule>): {
  figures: Record<string, string>
  ratio: string
} {
  const rules = Array.from({ length: ruleCount }, (_, index): Rule => ({
    name: `rule ${index}`,
    who: { everyone: true, groups: [], subjects: [] },
    actions: ['open'],
    where: {},
    effect: 'allow',
    ...shape(index),
  }))
  const compiled = compilePolicy(rules, 'bench')
  const target: PolicyTarget = {
    environment: 'prod',
    namespace: 'ns-42',
    name: 'pod/web-9999',
    names: ['pod/web-9999', 'deployment/web'],
    labels: { app: 'web-9999', tier: 'front', 'pod-template-hash': '7d9f8b6c5' },
  }
  const samples = Array.from({ length: warmUp + rounds }, (_, round) => {
    const who = { subject: `user-${round}`, groups: ['g1', 'g9999', 'everybody'] }
    const policy = compiled.at(new Date(Date.UTC(2026, 10, 24, 12, round)))
    const begun = performance.now()
    policy.decide({ who, action: 'open', target, reason: 'INC-4711 slow checkout', ticket: 'INC-4711' })
    return performance.now() - begun
  }).slice(warmUp)
  const p99 = percentile(samples, 0.99)
  return {
    // The least is what it takes when nothing else wants the processor.
    figures: { least: digits(Math.min(...samples)), p50: digits(median(samples)), p99: digits(p99) },
    ratio: `${digits(p99 / barMs)} of the bar, ${p99 <= barMs ? 'met' : 'missed'}`,
  }
}
