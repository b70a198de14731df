import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { commands } from '../../server/cli/commands.ts'
import { findCommand, parseArgs } from '../../server/cli/parse-args.ts'
import { explainPolicy } from '../../server/cli/policy.ts'
import { parsePolicy } from '../../server/policy/parse-policy.ts'
import type { Rule } from '../../server/policy/rule.ts'

const page = await readFile('docs/policy.md', 'utf8')
// Each example: its heading, its YAML, and the lines below it that say what is decided.
const examples = [...page.matchAll(/^### (.+)\n\n```yaml\n([\s\S]+?)```\n\n((?:- .+\n)+)/gm)].map(
  ([, title = '', yaml = '', lines = '']) => ({ title, yaml, lines: lines.trimEnd().split('\n') }),
)
const explain = findCommand(commands, ['policy', 'explain'])

let directory: string
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hatchway-docs-'))
})
after(() => rm(directory, { recursive: true }))

describe('the examples of docs/policy.md', () => {
  it('are all found', () => {
    assert.equal(examples.length, page.split('```yaml').length - 1)
    assert.ok(examples.length >= 8)
  })

  for (const [index, { title, yaml, lines }] of examples.entries()) {
    it(`decide as the page says: ${title}`, async () => {
      const file = join(directory, `${index}.yaml`)
      await writeFile(file, yaml)
      for (const line of lines) {
        const [, command, effect, code] =
          /^- `(.+)` → (allow|deny|require-approval)(?: \((\w+)\))?$/.exec(line) ?? []
        assert.ok(command !== undefined, `cannot be read: ${line}`)
        const { text } = explainPolicy(parseArgs(explain, [...command.split(' '), file]))
        assert.match(text, new RegExp(`^Decision: ${effect}( |$)`, 'm'), `${line}\n${text}`)
        if (effect === 'deny')
          assert.match(text, new RegExp(`\\(${code ?? 'forbidden'}\\)`), `${line}\n${text}`)
      }
    })
  }

  it('show every key of a rule, and the page explains each', () => {
    const rules = examples.flatMap(({ yaml }) => parsePolicy(yaml))
    const shown = new Set(rules.flatMap((rule) => [...Object.keys(rule), ...Object.keys(rule.where)]))
    const keys = {
      name: true,
      who: true,
      actions: true,
      effect: true,
      where: true,
      when: true,
      approval: true,
      breakGlass: true,
      profiles: true,
      toolboxes: true,
      requireReason: true,
      requireTicket: true,
      reasonPattern: true,
      ticketPattern: true,
      copies: true,
      maxDurationMs: true,
      idleTimeoutMs: true,
      recordInput: true,
      exclusive: true,
      recording: true,
    } satisfies Record<keyof Rule, true>
    for (const key of [
      ...Object.keys(keys),
      'environments',
      'namespaces',
      'targets',
      'labels',
      'matchExpressions',
      'facts',
    ]) {
      assert.ok(shown.has(key), `no example shows ${key}`)
      assert.ok(
        page.includes(`\`${key.replace(/Ms$/, '')}\``) || page.includes(key),
        `${key} is not explained`,
      )
    }
  })
})
