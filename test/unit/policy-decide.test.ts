import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { runInNewContext } from 'node:vm'
import type { Decision, PolicyRequest, PolicyTarget } from '../../server/core/policy.ts'
import type { Action } from '../../server/core/vocabulary.ts'
import { allowEverything, compilePolicy } from '../../server/policy/compile-policy.ts'
import { compileGlob } from '../../server/policy/glob.ts'
import type { Rule } from '../../server/policy/rule.ts'

const noon = new Date('2026-11-24T12:00:00Z')
const everyone = { everyone: true, groups: [], subjects: [] }
const groups = (...names: string[]) => ({ everyone: false, groups: names, subjects: [] })
const subjects = (...names: string[]) => ({ everyone: false, groups: [], subjects: names })
const rule = (name: string, change: Partial<Rule> = {}): Rule => ({
  name,
  who: everyone,
  actions: ['open'],
  where: {},
  effect: 'allow',
  ...change,
})
const web: PolicyTarget = { environment: 'local', name: 'web-1', labels: { tier: 'front', empty: '' } }
const api: PolicyTarget = { environment: 'prod', namespace: 'payments', name: 'deployment/api', labels: {} }
const ada = { subject: 'ada', groups: ['sre', 'dev-web'] }
const ask = (rules: readonly Rule[], change: Partial<PolicyRequest> = {}): Decision =>
  compilePolicy(rules, 'v')
    .at(noon)
    .decide({ who: ada, action: 'open', target: web, ...change })

function assertDenied(decision: Decision, code: string, rules: string[], words: RegExp): void {
  assert.ok(decision.effect === 'deny', 'must be denied')
  assert.equal(decision.code, code)
  assert.deepEqual(decision.rules, rules)
  assert.match(decision.explanation, words)
}

function grantOf(decision: Decision) {
  assert.ok(decision.effect === 'allow', decision.effect === 'deny' ? decision.explanation : '')
  return decision.grant
}

describe('matching', () => {
  const matches: [string, Partial<Rule>, Partial<PolicyRequest>, boolean][] = [
    ['everyone', {}, { who: { subject: 'x', groups: [] } }, true],
    ['a group', { who: groups('ops', 'sre') }, {}, true],
    ['no group', { who: groups('ops') }, {}, false],
    ['a group by pattern', { who: groups('dev-*') }, {}, true],
    ['a subject', { who: subjects('ada') }, {}, true],
    ['a subject is no group', { who: groups('ada') }, {}, false],
    ['a group is no subject', { who: subjects('sre') }, {}, false],
    ['group or subject', { who: { everyone: false, groups: ['ops'], subjects: ['ada'] } }, {}, true],
    ['upper case differs', { who: subjects('Ada') }, {}, false],
    ['another action', { actions: ['watch'] }, {}, false],
    ['environment', { where: { environments: ['local'] } }, {}, true],
    ['environment by pattern', { where: { environments: ['loc??'] } }, {}, true],
    ['another environment', { where: { environments: ['prod'] } }, {}, false],
    ['target', { where: { targets: ['web-?'] } }, {}, true],
    ['another target', { where: { targets: ['web'] } }, {}, false],
    ['kind and name', { where: { targets: ['deployment/api*'] } }, { target: api }, true],
    ['namespace', { where: { namespaces: ['pay*'] } }, { target: api }, true],
    ['no namespace on Docker', { where: { namespaces: ['*'] } }, {}, false],
    ['label', { where: { labels: { tier: ['front'] } } }, {}, true],
    ['label, one of a list', { where: { labels: { tier: ['back', 'front'] } } }, {}, true],
    ['label with another value', { where: { labels: { tier: ['back'] } } }, {}, false],
    ['label that exists', { where: { labels: { tier: ['*'] } } }, {}, true],
    ['label that is empty exists', { where: { labels: { empty: ['*'] } } }, {}, true],
    ['label that does not exist', { where: { labels: { owner: ['*'] } } }, {}, false],
    ['a label of every object', { where: { labels: { constructor: ['*'] } } }, {}, false],
    ['label values are no patterns', { where: { labels: { tier: ['fr*'] } } }, {}, false],
    [
      'all parts',
      { where: { environments: ['local'], targets: ['web-1'], labels: { tier: ['front'] } } },
      {},
      true,
    ],
    [
      'all but one part',
      { where: { environments: ['local'], targets: ['db'], labels: { tier: ['front'] } } },
      {},
      false,
    ],
  ]
  for (const [name, change, request, expected] of matches) {
    it(`${name}: ${expected ? 'matches' : 'does not match'}`, () => {
      const target = request.target ?? web
      assert.equal(ask([rule('r', change)], { ...request, target }).effect === 'allow', expected)
      const denied = ask([rule('all'), rule('r', { ...change, effect: 'deny' })], { ...request, target })
      assert.equal(denied.effect === 'deny', expected)
    })
  }

  it('takes a rule with a place for nothing when there is no target', () => {
    const who = ada
    const nowhere = compilePolicy(
      [rule('r', { actions: ['read-audit'], where: { environments: ['*'] } })],
      'v',
    )
    assert.equal(nowhere.at(noon).decide({ who, action: 'read-audit' }).effect, 'deny')
    const anywhere = compilePolicy([rule('r', { actions: ['read-audit'] })], 'v')
    assert.equal(anywhere.at(noon).decide({ who, action: 'read-audit' }).effect, 'allow')
  })

  it('implies list by every other action on targets, in allow rules only', () => {
    for (const action of ['open', 'watch', 'terminate', 'run', 'read-recording', 'approve'] as Action[]) {
      assert.equal(ask([rule('r', { actions: [action] })], { action: 'list' }).effect, 'allow')
      const denied = ask([rule('all'), rule('r', { actions: [action], effect: 'deny' })], { action: 'list' })
      assert.equal(denied.effect, 'allow')
    }
    assert.equal(ask([rule('r', { actions: ['read-audit'] })], { action: 'list' }).effect, 'deny')
    assert.equal(ask([rule('r', { actions: ['list'] })], { action: 'open' }).effect, 'deny')
  })
})

describe('effects', () => {
  it('denies what no rule allows, and says what would be needed', () => {
    assertDenied(ask([]), 'forbidden', [], /^No rule lets ada open a session in local\/web-1\. Ask whoever/)
    const near = ask([
      rule('for others', { who: { everyone: false, groups: ['leads'], subjects: ['bob'] } }),
      rule('less', { actions: ['list', 'watch'] }),
      rule('elsewhere', { where: { environments: ['prod'] } }),
    ])
    assertDenied(
      near,
      'forbidden',
      [],
      /"for others" would allow it for members of leads and the subjects bob\./,
    )
    assertDenied(near, 'forbidden', [], /"less" lets you only list, watch\.$/)
  })

  it('lets a deny win, wherever it stands, and names it', () => {
    const denying = rule('closed', { effect: 'deny' })
    const words = /^The rule "closed" denies it: you may not open a session in local\/web-1\./
    assertDenied(ask([denying, rule('open')]), 'forbidden', ['closed'], words)
    assertDenied(ask([rule('open'), denying]), 'forbidden', ['closed'], words)
    const two = ask([rule('open'), denying, rule('shut', { effect: 'deny' })])
    assertDenied(two, 'forbidden', ['closed', 'shut'], /^The rules "closed", "shut" deny it/)
  })

  const fourEyes = rule('four eyes', {
    effect: 'require-approval',
    approval: { groups: ['leads'], count: 2 },
  })

  it('requires an approval as soon as one rule says so, unless a deny is in the way', () => {
    const decision = ask([fourEyes, rule('open', { maxDurationMs: 60_000 })])
    assert.ok(decision.effect === 'require-approval')
    assert.deepEqual(decision.rules, ['four eyes', 'open'])
    assert.deepEqual(decision.approval, {
      needs: [{ rule: 'four eyes', groups: ['leads'], count: 2 }],
      breakGlass: false,
    })
    assert.equal(decision.grant.maxDurationMs, 60_000, 'all that match narrow')
    assertDenied(ask([fourEyes, rule('no', { effect: 'deny' })]), 'forbidden', ['no'], /denies it/)
    assert.equal(ask([fourEyes], { action: 'list' }).effect, 'allow')
  })

  it('wants each approval that a rule asks for, and judges everything else before', () => {
    const other = rule('security', {
      effect: 'require-approval',
      approval: { groups: ['sec', 'ciso'], count: 1 },
      requireReason: true,
    })
    assertDenied(ask([fourEyes, other]), 'reason_required', ['security'], /requires a reason/)
    const decision = ask([fourEyes, other], { reason: 'INC-1' })
    assert.ok(decision.effect === 'require-approval')
    assert.deepEqual(
      decision.approval.needs.map(({ rule: name, count }) => [name, count]),
      [
        ['four eyes', 2],
        ['security', 1],
      ],
    )
  })

  it('lets break the glass only whom every rule lets', () => {
    const glass = (...names: string[]) => ({ ...fourEyes, breakGlass: { groups: names } })
    const breakGlass = (rules: Rule[]) => {
      const decision = ask(rules)
      return decision.effect === 'require-approval' && decision.approval.breakGlass
    }
    assert.equal(breakGlass([glass('sre')]), true)
    assert.equal(breakGlass([glass('ops')]), false)
    assert.equal(breakGlass([glass('sre'), { ...fourEyes, name: 'another' }]), false)
    assert.equal(breakGlass([glass('sre'), { ...glass('dev-web'), name: 'another' }, rule('open')]), true)
  })

  it('names the rules that allow, in the order of the file', () => {
    const decision = ask([rule('b'), rule('other', { where: { targets: ['x'] } }), rule('a')])
    assert.deepEqual(decision.rules, ['b', 'a'])
  })
})

describe('limits', () => {
  const minute = 60_000

  it('have defaults', () => {
    assert.deepEqual(grantOf(ask([rule('r')])), {
      profiles: ['auto', 'general', 'baseline', 'restricted'],
      copies: false,
      requireReason: false,
      requireTicket: false,
      reasonPatterns: [],
      ticketPatterns: [],
      maxDurationMs: 240 * minute,
      idleTimeoutMs: 30 * minute,
      recordInput: false,
      exclusive: false,
      recording: 'strict',
    })
  })

  it('narrow together', () => {
    const grant = grantOf(
      ask(
        [
          rule('a', {
            toolboxes: ['busybox', 'netshoot'],
            profiles: ['auto', 'netadmin', 'general'],
            maxDurationMs: 60 * minute,
          }),
          rule('b', {
            toolboxes: ['netshoot', 'own'],
            profiles: ['netadmin', 'auto'],
            idleTimeoutMs: 5 * minute,
          }),
          rule('c', {
            requireReason: true,
            maxDurationMs: 90 * minute,
            idleTimeoutMs: 9 * minute,
            recordInput: true,
            exclusive: true,
          }),
          rule('silent'),
        ],
        { reason: 'INC-1' },
      ),
    )
    assert.deepEqual(grant, {
      toolboxes: ['netshoot'],
      profiles: ['auto', 'netadmin'],
      copies: false,
      requireReason: true,
      requireTicket: false,
      reasonPatterns: [],
      ticketPatterns: [],
      maxDurationMs: 60 * minute,
      idleTimeoutMs: 5 * minute,
      recordInput: true,
      exclusive: true,
      recording: 'strict',
    })
  })

  it('keep recordings strict as soon as one rule says so', () => {
    const lenient = rule('a', { recording: 'best-effort' })
    assert.equal(grantOf(ask([lenient, rule('b')])).recording, 'best-effort')
    assert.equal(grantOf(ask([lenient, rule('c', { recording: 'strict' })])).recording, 'strict')
  })

  it('deny when nothing is left, naming the rules', () => {
    const profiles = ask([
      rule('a', { profiles: ['auto'] }),
      rule('b', { profiles: ['netadmin'] }),
      rule('c'),
    ])
    assertDenied(profiles, 'forbidden', ['a', 'b'], /"a", "b" all match and name no common profiles/)
    const toolboxes = ask([rule('a', { toolboxes: ['x'] }), rule('b', { toolboxes: ['y'] })])
    assertDenied(toolboxes, 'forbidden', ['a', 'b'], /no common toolboxes/)
    const listed = ask([rule('a', { toolboxes: ['x'] }), rule('b', { toolboxes: ['y'] })], { action: 'list' })
    assert.equal(listed.effect, 'allow')
  })

  it('refuse a toolbox or profile that is asked for and not allowed, saying what is', () => {
    const rules = [rule('r', { toolboxes: ['busybox'], profiles: ['auto', 'general'] })]
    assert.equal(ask(rules, { toolbox: 'busybox', profile: 'auto' }).effect, 'allow')
    assertDenied(
      ask(rules, { toolbox: 'own' }),
      'forbidden',
      ['r'],
      /toolbox own is not allowed .*allowed: busybox\./,
    )
    assertDenied(
      ask(rules, { profile: 'sysadmin' }),
      'forbidden',
      ['r'],
      /"r" limits it; allowed: auto, general\./,
    )
    const unnamed = ask([rule('r')], { profile: 'netadmin' })
    assertDenied(
      unnamed,
      'forbidden',
      ['r'],
      /No rule names it; allowed: auto, general, baseline, restricted\./,
    )
  })

  it('want a reason for open and run alone, and take no blank one', () => {
    const rules = [rule('why', { actions: ['open', 'run', 'watch'], requireReason: true })]
    for (const action of ['open', 'run'] as Action[]) {
      assertDenied(ask(rules, { action }), 'reason_required', ['why'], /"why" requires a reason to/)
      assertDenied(ask(rules, { action, reason: ' \t ' }), 'reason_required', ['why'], /requires a reason/)
      assert.equal(ask(rules, { action, reason: 'INC-1' }).effect, 'allow')
    }
    assert.equal(ask(rules, { action: 'watch' }).effect, 'allow')
    assert.equal(ask(rules, { action: 'list' }).effect, 'allow')
  })

  it('are wide open for the local user', () => {
    const decision = allowEverything
      .at(noon)
      .decide({ who: ada, action: 'open', target: web, profile: 'sysadmin' })
    assert.ok(grantOf(decision).profiles.includes('sysadmin'))
    assert.deepEqual(decision.rules, ['local user'])
    assert.equal(allowEverything.version, 'built-in')
  })
})

describe('patterns', () => {
  const patterns: [string, string, boolean][] = [
    ['', '', true],
    ['', 'a', false],
    ['*', '', true],
    ['**', 'ab', true],
    ['?', '', false],
    ['a*c', 'abbc', true],
    ['a*c', 'abb', false],
    ['*.*', 'a.b', true],
    ['a?c', 'abc', true],
    ['a?c', 'ac', false],
    ['*ab*ab', 'ab-ab-ab', true],
    ['a.c', 'abc', false],
    ['[ab]', 'a', false],
    ['*a', 'b', false],
    ['*/vault*', 'statefulset/vault-0', true],
  ]
  for (const [pattern, text, expected] of patterns) {
    it(`${JSON.stringify(pattern)} ${expected ? 'fits' : 'does not fit'} ${JSON.stringify(text)}`, () => {
      assert.equal(compileGlob(pattern)(text), expected)
    })
  }

  it('cannot be made slow', () => {
    const matches = compileGlob(`${'*a'.repeat(120)}b`)
    // Ended by V8 when it is slow, which would else be as good as never.
    const all = `Array.from({ length: 100 }, () => matches('a'.repeat(600)))`
    const answers = runInNewContext(all, { matches }, { timeout: 1000 }) as boolean[]
    assert.deepEqual(new Set(answers), new Set([false]))
  })
})

describe('targets of a cluster', () => {
  const pod = {
    environment: 'prod',
    namespace: 'payments',
    name: 'pod/api-7c9f-x2x1q',
    names: ['pod/api-7c9f-x2x1q', 'replicaset/api-7c9f', 'deployment/api'],
    labels: {},
  }
  const open = { who: { subject: 'ada', groups: [] }, action: 'open' as const, target: pod }

  it('are met by a rule about any workload that they belong to', () => {
    const where = { targets: ['deployment/api'] }
    assert.equal(
      compilePolicy([rule('workload', { where })], 'v')
        .at(noon)
        .decide(open).effect,
      'allow',
    )
    const other = { targets: ['deployment/web'] }
    assert.equal(
      compilePolicy([rule('other', { where: other })], 'v')
        .at(noon)
        .decide(open).effect,
      'deny',
    )
  })

  it('cannot get round a deny of the workload by the name of a pod', () => {
    const closed = rule('closed', { effect: 'deny', where: { targets: ['deployment/api'] } })
    assert.equal(
      compilePolicy([rule('all'), closed], 'v')
        .at(noon)
        .decide(open).effect,
      'deny',
    )
  })

  it('are copied only where a rule says so, and none forbids it', () => {
    const copy = { ...open, copy: true }
    const yes = rule('yes', { copies: true })
    assert.equal(
      compilePolicy([rule('silent')], 'v')
        .at(noon)
        .decide(copy).effect,
      'deny',
    )
    assert.equal(
      compilePolicy([rule('silent'), yes], 'v')
        .at(noon)
        .decide(copy).effect,
      'allow',
    )
    assert.equal(
      compilePolicy([yes, rule('no', { copies: false })], 'v')
        .at(noon)
        .decide(copy).effect,
      'deny',
    )
  })
})
