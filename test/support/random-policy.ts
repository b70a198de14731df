import { type PolicyRequest } from '../../server/core/policy.ts'
import { actions } from '../../server/core/vocabulary.ts'
import { targetFacts } from '../../server/core/vocabulary.ts'
import { profiles } from '../../server/core/vocabulary.ts'
import { labelOperators, type Rule } from '../../server/policy/rule.ts'
import { weekdays } from '../../server/policy/time-window.ts'

/** Random rules and questions that are often about each other. The same ones for the same seed, so that a failure can be seen again. */
export class RandomPolicy {
  #state: number
  #rules = 0

  constructor(seed: number) {
    this.#state = seed
  }

  /** mulberry32: from 0 up to and without 1. */
  number(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  below(limit: number): number {
    return Math.floor(this.number() * limit)
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T
  }

  /** At least one. */
  some<T>(items: readonly T[]): T[] {
    const chosen = items.filter(() => this.number() < 0.4)
    return chosen.length > 0 ? chosen : [this.pick(items)]
  }

  maybe<K extends string, T>(key: K, value: () => T): Partial<Record<K, T>> {
    return this.number() < 0.4 ? ({ [key]: value() } as Partial<Record<K, T>>) : {}
  }

  rules(count: number): Rule[] {
    return Array.from({ length: count }, () => this.rule())
  }

  rule(effects: readonly Rule['effect'][] = ['allow', 'allow', 'allow', 'deny', 'require-approval']): Rule {
    const effect = this.pick(effects)
    return {
      name: `rule ${this.#rules++}`,
      who: {
        everyone: this.number() < 0.4,
        groups: this.some(['a', 'b', 'a*', 'team-*', '*-ops', 'te?m-ops']),
        subjects: this.number() < 0.2 ? [this.pick(['ada', 'a*', '*@example.org'])] : [],
      },
      actions: this.some(actions),
      where: this.#where(),
      ...this.maybe('when', () => ({
        days: this.some(weekdays),
        hours: [{ from: this.below(1440), to: this.below(1440) }],
        timeZone: this.pick(['UTC', 'Asia/Kathmandu', 'America/New_York']),
      })),
      effect,
      ...(effect === 'require-approval' && {
        approval: { groups: this.some(['leads', 'sec']), count: this.pick([1, 2]) },
        ...this.maybe('breakGlass', () => ({ groups: this.some(['a', 'b']) })),
      }),
      ...(effect !== 'deny' && this.#limits()),
    }
  }

  #where(): Rule['where'] {
    return {
      ...this.maybe('environments', () => this.some(['local', 'prod', '*'])),
      ...this.maybe('namespaces', () => this.some(['shop', 'pay*', '*'])),
      ...this.maybe('targets', () => this.some(['web', 'w*', 'db', 'pod/web-?', '*/web*', '*api*v2', '*'])),
      ...this.maybe('labels', () => ({ [this.pick(['tier', 'app'])]: this.some(['front', 'back', '*']) })),
      ...this.maybe('matchExpressions', () => [
        {
          key: this.pick(['tier', 'app']),
          operator: this.pick(labelOperators),
          values: this.some(['front', 'back']),
        },
      ]),
      ...(this.number() < 0.08 && { facts: this.some(targetFacts) }),
    }
  }

  #limits(): Partial<Rule> {
    return {
      ...this.maybe('profiles', () => this.some(profiles)),
      ...this.maybe('toolboxes', () => this.some(['x', 'y', 'z'])),
      ...this.maybe('requireReason', () => this.number() < 0.5),
      ...this.maybe('reasonPattern', () => this.pick(['INC-[0-9]+', '.*', '.+'])),
      ...this.maybe('ticketPattern', () => this.pick(['INC-[0-9]+', '.*'])),
      ...this.maybe('copies', () => this.number() < 0.7),
      ...this.maybe('maxDurationMs', () => 1000 * (1 + this.below(100))),
      ...this.maybe('idleTimeoutMs', () => 1000 * (1 + this.below(100))),
      ...this.maybe('recordInput', () => this.number() < 0.5),
      ...this.maybe('exclusive', () => this.number() < 0.5),
      ...this.maybe('recording', () => this.pick(['strict', 'best-effort'] as const)),
    }
  }

  request(): PolicyRequest {
    const names = ['web', 'db', 'pod/web-1', 'deployment/web', 'statefulset/api-v2']
    return {
      who: {
        subject: this.pick(['ada', 'bob', 'eve@example.org']),
        groups: this.number() < 0.2 ? [] : this.some(['a', 'b', 'ab', 'team-web', 'team-ops']),
      },
      action: this.pick(actions),
      ...(this.number() < 0.9 && {
        target: {
          environment: this.pick(['local', 'prod']),
          ...this.maybe('namespace', () => this.pick(['shop', 'payments'])),
          name: this.pick(names),
          ...this.maybe('names', () => this.some(names)),
          ...this.maybe('claims', () => this.some(names)),
          ...(this.number() < 0.7 && { facts: this.number() < 0.5 ? [] : this.some(targetFacts) }),
          ...(this.number() < 0.2 && { unknownFacts: this.some(targetFacts) }),
          labels: {
            ...this.maybe('tier', () => this.pick(['front', 'back'])),
            ...this.maybe('app', () => this.pick(['front', 'web'])),
          },
        },
      }),
      ...this.maybe('toolbox', () => this.pick(['x', 'y', 'z'])),
      ...this.maybe('profile', () => this.pick(profiles)),
      ...this.maybe('reason', () => this.pick(['', 'INC-1'])),
      ...this.maybe('ticket', () => this.pick(['', 'INC-1', 'x'])),
      ...this.maybe('prospective', () => this.number() < 0.5),
      ...this.maybe('copy', () => this.number() < 0.5),
    }
  }

  /** Text that nobody writes: any code units, halves of surrogate pairs and names of every object among them. */
  oddText(): string {
    const words = [
      '',
      '__proto__',
      'constructor',
      'toString',
      '*',
      '?',
      '**?',
      '\u0000',
      '\uD800',
      '*'.repeat(200),
    ]
    if (this.number() < 0.4) return this.pick(words)
    return Array.from({ length: this.below(40) }, () => String.fromCharCode(this.below(0x1_0000))).join('')
  }
}
