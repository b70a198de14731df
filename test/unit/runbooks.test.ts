import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { stringify } from 'yaml'
import { loadConfig } from '../../server/config/config.ts'
import { ConfigError } from '../../server/core/config-error.ts'
import type { PolicyTarget } from '../../server/core/policy.ts'
import { createRunbooks } from '../../server/start/runbooks.ts'

const directory = mkdtempSync(join(tmpdir(), 'hatchway-runbooks-'))
after(() => rmSync(directory, { recursive: true }))

function load(text: string) {
  const path = join(directory, 'hatchway.yaml')
  writeFileSync(path, text)
  return loadConfig({ path, env: {} }).runbooks
}

const loadThese = (...runbooks: unknown[]) => load(stringify({ runbooks }))

function problemsOf(...runbooks: unknown[]): string[] {
  try {
    loadThese(...runbooks)
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error))
    return error.problems.map((problem) => `${problem.path}: ${problem.message}`)
  }
  return []
}

const step = { text: 'Look', command: 'ps' }

describe('runbooks in the configuration', () => {
  it('have names, steps of words and commands, and targets in the words of a policy rule', () => {
    const text = `
runbooks:
  - name: heap
    where: {environments: [prod], namespaces: [pay*], targets: ["deployment/api*"], labels: {tier: backend}}
    steps:
      - text: |
          Which process is large?
          The first column is its id.
        command: ps -o pid,rss,args
      - {command: "cat /proc/1/status | grep -i vm"}
      - text: Call the team when it is above 2 GiB. 🚒
  - {name: Disk is full, steps: [{text: Ask}]}
`
    assert.deepEqual(load(text), [
      {
        name: 'heap',
        where: {
          environments: ['prod'],
          namespaces: ['pay*'],
          targets: ['deployment/api*'],
          labels: { tier: ['backend'] },
        },
        steps: [
          {
            text: 'Which process is large?\nThe first column is its id.',
            command: 'ps -o pid,rss,args',
          },
          { command: 'cat /proc/1/status | grep -i vm' },
          { text: 'Call the team when it is above 2 GiB. 🚒' },
        ],
      },
      { name: 'Disk is full', where: {}, steps: [{ text: 'Ask' }] },
    ])
    assert.deepEqual(load(''), [])
  })

  const wrong: [string, unknown[], RegExp][] = [
    [
      'a name that is there twice',
      [
        { name: 'a', steps: [step] },
        { name: 'a', steps: [step] },
      ],
      /^runbooks\[1\]\.name: is used by an earlier entry too$/,
    ],
    ['no name', [{ steps: [step] }], /^runbooks\[0\]\.name: is missing: it must be text$/],
    [
      'a name that a link could not say',
      [{ name: ' a', steps: [step] }],
      /name: must not begin or end with blanks/,
    ],
    [
      'a name with a direction mark',
      [{ name: 'a\u202Eb', steps: [step] }],
      /name: must contain only what can be seen/,
    ],
    ['no steps', [{ name: 'a', steps: [] }], /^runbooks\[0\]\.steps: must have at least one step$/],
    ['missing steps', [{ name: 'a' }], /^runbooks\[0\]\.steps: is missing: it must be a list$/],
    [
      'a step that says nothing',
      [{ name: 'a', steps: [step, {}] }],
      /^runbooks\[0\]\.steps\[1\]: must have a text, a command, or both$/,
    ],
    ['a text of blanks', [{ name: 'a', steps: [{ text: ' \n' }] }], /steps\[0\]\.text: must not be empty/],
    [
      'an escape sequence in a text',
      [{ name: 'a', steps: [{ text: 'a\u001B[2J' }] }],
      /text: must not contain control characters/,
    ],
    [
      'a direction mark in a text',
      [{ name: 'a', steps: [{ text: 'a\u202E' }] }],
      /text: must not contain control characters/,
    ],
    [
      'a key that is not known',
      [{ name: 'a', steps: [{ comand: 'ps' }] }],
      /^runbooks\[0\]\.steps\[0\]\.comand: unknown key$/m,
    ],
    [
      'an unknown word about targets',
      [{ name: 'a', where: { target: ['x'] }, steps: [step] }],
      /^runbooks\[0\]\.where\.target: unknown key$/,
    ],
  ]
  for (const [what, runbooks, words] of wrong) {
    it(`are refused for ${what}`, () => assert.match(problemsOf(...runbooks).join('\n'), words))
  }

  it('are refused for a command that would run, or that is not what it looks like', () => {
    const said = (command: string) => problemsOf({ name: 'a', steps: [{ command }] }).join('\n')
    for (const end of ['ps\n', 'ps\nreboot', 'ps\r', 'ps\r\n'])
      assert.match(said(end), /^runbooks\[0\]\.steps\[0\]\.command: must be one line without a line end/)
    // Escape, tab, DEL, C1, zero-width space, joiner, bidi override, tag, line separator, filler, no-break space.
    for (const code of [0x1b, 9, 0x7f, 0x9b, 0x200b, 0x200d, 0x202e, 0xe0041, 0x2028, 0x3164, 0xa0])
      assert.match(
        said(`ps ${String.fromCodePoint(code)} x`),
        /command: must contain only what can be seen/,
        code.toString(16),
      )
    assert.match(said('  '), /command: must not be empty/)
    assert.match(said('x'.repeat(2001)), /command: must have at most 2000 characters/)
    assert.equal(said(`awk '{print $2 "\\t" $3}' < /proc/1/root/étc/päth | grep -v "^#"`), '')
  })
})

describe('the runbooks for a target', () => {
  const named = (name: string, where: object) => ({ name, where, steps: [{ text: 'Look' }] })
  const runbooks = createRunbooks([
    named('all', {}),
    named('local', { environments: ['local'] }),
    named('api', { namespaces: ['pay*'], targets: ['deployment/api'] }),
    named('backend', { labels: { tier: ['backend'] } }),
    named('not frontend', { matchExpressions: [{ key: 'tier', operator: 'NotIn', values: ['frontend'] }] }),
  ])
  const pod: PolicyTarget = {
    environment: 'prod',
    namespace: 'payments',
    name: 'pod/api-1',
    names: ['pod/api-1', 'replicaset/api-5f', 'deployment/api'],
    labels: { tier: 'backend' },
  }
  const namesFor = (target: PolicyTarget) => runbooks(target).map(({ name }) => name)

  it('are those whose selector fits it or a workload above it, in the order of the configuration', () => {
    assert.deepEqual(namesFor(pod), ['all', 'api', 'backend', 'not frontend'])
    assert.deepEqual(namesFor({ environment: 'local', name: 'web', labels: {} }), [
      'all',
      'local',
      'not frontend',
    ])
    assert.deepEqual(namesFor({ ...pod, namespace: 'shop', labels: { tier: 'frontend' } }), ['all'])
    assert.deepEqual(runbooks(pod)[0], { name: 'all', steps: [{ text: 'Look' }] }, 'without its selector')
  })

  it('are not had by claiming to be part of a workload', () => {
    const { names: _, ...alone } = pod
    assert.deepEqual(namesFor({ ...alone, claims: ['deployment/api'] }), ['all', 'backend', 'not frontend'])
  })
})
