import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ConfigError } from '../../server/core/config-error.ts'
import { formatDuration, parseDuration } from '../../server/core/duration.ts'
import { policyFromText } from '../../server/policy/compile-policy.ts'
import { parsePolicy } from '../../server/policy/parse-policy.ts'

/** `line path: message` of every problem. */
function problemsOf(text: string): string[] {
  try {
    parsePolicy(text, 'p.yaml')
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error))
    return error.problems.map(({ line, path, message }) => `${line} ${path}: ${message}`)
  }
  return []
}

const minimal = '{name: a, who: {everyone: true}, actions: [open], effect: allow}'

describe('a policy file', () => {
  it('becomes rules', () => {
    const text = `
rules:
  - name: on-call may debug payments
    who: {groups: [sre-oncall], subjects: ["ada@*"]}
    actions: [open, watch, run]
    where: {environments: [prod], namespaces: [payments], targets: ["deployment/api*"], labels: {tier: backend, zone: [a, b]}}
    effect: require-approval
    approval: {groups: [leads]}
    profiles: [auto, general]
    toolboxes: [busybox]
    requireReason: true
    maxDuration: 1h
    idleTimeout: 1m30s
    recordInput: false
    recording: best-effort
  - {name: b, who: {everyone: true}, actions: [list], effect: deny}
`
    assert.deepEqual(parsePolicy(text), [
      {
        name: 'on-call may debug payments',
        who: { everyone: false, groups: ['sre-oncall'], subjects: ['ada@*'] },
        actions: ['open', 'watch', 'run'],
        where: {
          environments: ['prod'],
          namespaces: ['payments'],
          targets: ['deployment/api*'],
          labels: { tier: ['backend'], zone: ['a', 'b'] },
        },
        effect: 'require-approval',
        approval: { groups: ['leads'], count: 1 },
        profiles: ['auto', 'general'],
        toolboxes: ['busybox'],
        requireReason: true,
        maxDurationMs: 3_600_000,
        idleTimeoutMs: 90_000,
        recordInput: false,
        recording: 'best-effort',
      },
      {
        name: 'b',
        who: { everyone: true, groups: [], subjects: [] },
        actions: ['list'],
        where: {},
        effect: 'deny',
      },
    ])
  })

  it('may have no rules, and has the hash of its text as version', () => {
    const policy = policyFromText('rules: []')
    assert.match(policy.version, /^[0-9a-f]{64}$/)
    assert.notEqual(policyFromText('rules: [] # other').version, policy.version)
    assert.equal(policyFromText('rules: []').version, policy.version)
  })

  it('tells every problem at once, with lines', () => {
    const text = `rules:
  - name: a
    who: {groups: sre}
    actions: [opn]
    efect: allow
    where: {labels: {a: 3}, target: [x]}
    maxDuration: 25h
    idleTimeout: 90
  - 7
  - name: ok
    who: {}
    actions: []
    effect: deny
    profiles: [root]
extra: 1
`
    assert.deepEqual(problemsOf(text), [
      '2 rules[0].effect: is missing: it must be one of allow, deny, require-approval',
      '3 rules[0].who.groups: must be a list',
      '4 rules[0].actions[0]: must be one of list, open, watch, terminate, run, read-recording, read-audit, approve',
      '5 rules[0].efect: unknown key',
      '6 rules[0].where.labels.a: must be text or a list of texts',
      '6 rules[0].where.target: unknown key',
      '7 rules[0].maxDuration: must be at most 1d',
      '8 rules[0].idleTimeout: must be a duration such as 90s, 15m, 1h or 1h30m',
      '9 rules[1]: must be a map: a rule with name, who, actions and effect',
      '11 rules[2].who: must name groups or subjects, or say everyone: true',
      '12 rules[2].actions: must name at least one',
      '14 rules[2].profiles[0]: must be one of auto, general, baseline, restricted, netadmin, sysadmin',
      '15 extra: unknown key',
    ])
  })

  const rule = (keys: string) =>
    `rules: [{name: a, who: {everyone: true}, actions: [open], effect: allow, ${keys}}]`
  const wrong: [string, string, RegExp][] = [
    ['nothing', '', /rules: is missing/],
    ['a list', '- a', /must be a map with the key rules/],
    ['text', 'hello', /must be a map with the key rules/],
    ['broken YAML', 'rules: [', /1 : /],
    ['a key twice', 'rules: []\nrules: []', /2 : Map keys must be unique/],
    ['two documents', 'rules: []\n---\nrules: []', /multiple documents/],
    ['an unknown tag', 'rules: !!js/function x', /Unresolved tag/],
    ['nesting', '['.repeat(50_000), /: /],
    ['repetition by aliases', billionLaughs(), /repeats too much/],
    [
      'a name twice',
      `rules:\n- ${minimal}\n- ${minimal}`.replaceAll('\n', '\n  '),
      /3 rules\[1\]\.name: is the name of an earlier rule/,
    ],
    [
      'everyone and groups',
      rule('').replace('everyone: true', 'everyone: true, groups: [a]'),
      /exclude each other/,
    ],
    ['everyone: false', rule('').replace('everyone: true', 'everyone: false'), /can only be true/],
    ['an empty where part', rule('where: {targets: []}'), /where\.targets: must name at least one/],
    ['empty labels', rule('where: {labels: {}}'), /where\.labels: must name at least one/],
    [
      'a limit in a deny rule',
      rule('maxDuration: 1h').replace('allow', 'deny'),
      /a deny rule takes no limits/,
    ],
    [
      'approval without its effect',
      rule('approval: {groups: [a]}'),
      /only makes sense with effect: require-approval/,
    ],
    [
      'approval by nobody',
      rule('approval: {groups: []}').replace('allow', 'require-approval'),
      /approval\.groups: must name at least one/,
    ],
    [
      'require-approval without approval',
      rule('').replace('allow', 'require-approval'),
      /approval: is missing: say who approves/,
    ],
    [
      'approval to list',
      rule('approval: {groups: [a]}').replace('allow', 'require-approval').replace('[open]', '[list]'),
      /list .* cannot require approval/,
    ],
    ['a duration of nothing', rule('maxDuration: 0s'), /must be a duration/],
    ['control characters', rule('toolboxes: ["a\\u202eb"]'), /must not contain control characters/],
    ['yes for true', rule('requireReason: yes'), /must be true or false/],
  ]
  for (const [name, text, words] of wrong) {
    it(`is refused for ${name}`, () => {
      assert.match(problemsOf(text).join('\n'), words)
    })
  }

  it('is bounded in size and in rules', () => {
    assert.match(problemsOf(`rules: [] #${'x'.repeat(1024 * 1024)}`).join(), /is larger than 1 MiB/)
    const many = (count: number) =>
      `rules:\n${Array.from({ length: count }, (_, index) => `- {name: r${index}, who: {everyone: true}, actions: [open], effect: allow}`).join('\n')}`
    assert.match(problemsOf(many(10_001)).join(), /at most 10000 rules/)
    assert.equal(parsePolicy(many(10_000)).length, 10_000)
  })
})

function billionLaughs(): string {
  const levels = ['a: &a [x, x, x, x, x, x, x, x, x, x]']
  for (const [index, name] of ['b', 'c', 'd', 'e', 'f', 'g'].entries()) {
    const before = String.fromCharCode(97 + index)
    levels.push(`${name}: &${name} [${Array(10).fill(`*${before}`).join(', ')}]`)
  }
  return levels.join('\n')
}

describe('durations', () => {
  it('are read and written', () => {
    const pairs: [string, number][] = [
      ['30s', 30_000],
      ['15m', 900_000],
      ['1h', 3_600_000],
      ['1h30m', 5_400_000],
      ['90d', 7_776_000_000],
    ]
    for (const [text, ms] of pairs) {
      assert.equal(parseDuration(text), ms)
      assert.equal(formatDuration(ms), text)
    }
    assert.equal(parseDuration('90m'), 5_400_000)
    for (const text of ['', '0s', '1', '1 h', '-1h', '1.5h', '1m1h', '1w', 'h', '9999999s']) {
      assert.equal(parseDuration(text), undefined, text)
    }
    assert.equal(formatDuration(400), '0s')
  })
})

describe('a where that says nothing', () => {
  it('is no way to say everywhere, and neither is a who', () => {
    const of = (part: string) => `rules: [{name: x, actions: [open], effect: allow, ${part}}]`
    const nowhere = /where: must name at least one of environments, .* leave `where` out to mean every target/
    assert.throws(() => parsePolicy(of('who: {everyone: true}, where: {}')), nowhere)
    assert.throws(
      () => parsePolicy(of('who: {everyone: true}, where: {labels: {}}')),
      /must name at least one/,
    )
    assert.throws(() => parsePolicy(of('who: {}')), /must name groups or subjects, or say everyone: true/)
    assert.equal(parsePolicy(of('who: {everyone: true}')).length, 1)
  })
})
