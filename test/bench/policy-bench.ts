import { compilePolicy } from '../../server/policy/compile-policy.ts'
import type { Rule } from '../../server/policy/rule.ts'
import { weekdays } from '../../server/policy/time-window.ts'
import type { Report } from './report.ts'
import { digits, median, percentile } from './statistics.ts'

const everyone = { everyone: true, groups: [], subjects: [] }
const shapes: Record<string, (index: number) => Partial<Rule>> = {
  'one group each': (index) => ({ who: { everyone: false, groups: [`g${index}`], subjects: [] } }),
  'everyone, one target each': (index) => ({ where: { targets: [`web-${index}`] } }),
  'everyone, a glob and hours': (index) => ({
    where: { targets: [`web-${index}-*`] },
    when: { days: weekdays, timeZone: 'Europe/Berlin' },
  }),
}

/** One decision with 10,000 rules: for a caller whom the policy has not met yet, and for one whom it has. */
export function benchPolicy(report: Report): void {
  report.section('Policy, ms', 'one decision with 10,000 rules; `new` for a caller who was not seen before')
  for (const [what, shape] of Object.entries(shapes)) {
    const rules = Array.from({ length: 10_000 }, (_, index): Rule => {
      const rule = { name: `rule ${index}`, who: everyone, actions: ['open'] as const, where: {} }
      return { ...rule, effect: 'allow', ...shape(index) }
    })
    const policy = compilePolicy(rules, 'bench').at(new Date())
    const target = { environment: 'local', name: 'web-9999', labels: {} }
    for (const lane of ['new', 'known']) {
      const samples = Array.from({ length: 300 }, (_, round) => {
        const who = { subject: lane === 'new' ? `user-${round}` : 'ada', groups: ['g1', 'g9999'] }
        const begun = performance.now()
        policy.decide({ who, action: 'open', target })
        return performance.now() - begun
      }).slice(100)
      const figures = { p50: digits(median(samples)), p99: digits(percentile(samples, 0.99)) }
      report.line({ what, lane, figures })
    }
  }
}
