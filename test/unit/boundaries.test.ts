import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** The linter's configuration in a folder of its own: what is planted here, no other test and no other linter ever sees. */
let copy: string
before(async () => {
  copy = await mkdtemp(join(tmpdir(), 'hatchway-boundaries-'))
  await cp('oxlint.config.ts', join(copy, 'oxlint.config.ts'))
  await symlink(resolve('node_modules'), join(copy, 'node_modules'))
})
after(() => rm(copy, { recursive: true, force: true }))

/** Lints one planted file and returns what oxlint said, or undefined when it had no complaint. */
async function lintPlanted(path: string, source: string): Promise<string | undefined> {
  const planted = join(copy, path)
  await mkdir(dirname(planted), { recursive: true })
  await writeFile(planted, source)
  try {
    await run('node_modules/.bin/oxlint', [path], { cwd: copy })
    return undefined
  } catch (error) {
    return (error as { stdout: string }).stdout
  } finally {
    await rm(planted)
  }
}

// Linters pass silently when their configuration is wrong, so each boundary is crossed once on purpose.
describe('import boundaries', () => {
  it('refuses a sibling folder, also for types alone', async () => {
    const said = await lintPlanted(
      'server/evidence/planted.ts',
      "import type { Store } from '../store/sqlite.ts'\nexport type Planted = Store\n",
    )
    assert.match(said ?? '', /server\/evidence may import only: core/)
  })

  it('refuses any import in core', async () => {
    const said = await lintPlanted(
      'server/core/planted.ts',
      "import type { Session } from '../protocol/api.ts'\nexport type Planted = Session\n",
    )
    assert.match(said ?? '', /server\/core may import only: nothing/)
  })

  it('refuses a package that another folder owns', async () => {
    const said = await lintPlanted(
      'server/sessions/planted.ts',
      "import Docker from 'dockerode'\nexport const planted = new Docker()\n",
    )
    assert.match(said ?? '', /does not own this package/)
  })

  it('refuses the server behind the protocol in the web app', async () => {
    const said = await lintPlanted(
      'web/planted.ts',
      "import type { Target } from '../server/core/target.ts'\nexport type Planted = Target\n",
    )
    assert.match(said ?? '', /shares only server\/protocol/)
  })

  it('refuses a benchmark in what the tests share', async () => {
    const said = await lintPlanted(
      'test/support/planted.ts',
      "import { median } from '../bench/statistics.ts'\nexport const planted = median\n",
    )
    assert.match(said ?? '', /test\/support imports nothing of test\/bench/)
  })

  it('lets an allowed import pass', async () => {
    const said = await lintPlanted(
      'server/evidence/planted.ts',
      "import type { Recorder } from '../core/recording.ts'\nexport type Planted = Recorder\n",
    )
    assert.equal(said, undefined)
  })
})

// Imports do not tell it: whoever holds a policy or a store could ask and write, whatever room it is in.
describe('policy and the audit log', () => {
  const rooms = ['core', 'auth', 'http', 'sessions/life', 'sessions', 'drivers/docker', 'start', 'cli', 'mcp']
  const asks = `export const planted = (policy: { decide(request: object): object }) => policy.decide({})\n`
  const writes = `export const planted = (log: { appendAudit(event: object): object }) => log.appendAudit({})\n`

  for (const room of rooms) {
    it(`are refused in server/${room}`, async () => {
      const path = `server/${room}/planted.ts`
      assert.match((await lintPlanted(path, asks)) ?? '', /Only server\/gateway asks policy/)
      assert.match((await lintPlanted(path, writes)) ?? '', /Only server\/gateway writes to the audit log/)
    })
  }

  it('are refused by whatever way they are reached', async () => {
    const ways = [
      'export const planted = ({ appendAudit }: { appendAudit(): void }) => appendAudit',
      'export const planted = (log: { appendAudit(): void }) => { const { appendAudit: write } = log; write() }',
      "export const planted = (log: { appendAudit(): void }) => log['appendAudit']()",
      'export const planted = (policy: () => { explain(): void } | undefined) => policy()?.explain()',
    ]
    for (const way of ways)
      assert.match(
        (await lintPlanted('server/http/planted.ts', `${way}\n`)) ?? '',
        /Only server\/gateway/,
        way,
      )
  })

  it('are there for use cases, and each for those who provide it', async () => {
    assert.equal(
      await lintPlanted('server/gateway/planted.ts', asks + writes.replace('planted', 'other')),
      undefined,
    )
    assert.equal(await lintPlanted('server/policy/planted.ts', asks), undefined)
    assert.equal(await lintPlanted('server/store/planted.ts', writes), undefined)
    assert.match((await lintPlanted('server/policy/planted.ts', writes)) ?? '', /writes to the audit log/)
    assert.match((await lintPlanted('server/store/planted.ts', asks)) ?? '', /asks policy/)
  })
})

describe('the room of use cases', () => {
  it('knows no adapter, no framework and nothing that is handed to it', async () => {
    for (const path of [
      '../http/authenticate.ts',
      '../policy/decide.ts',
      '../store/sql-store.ts',
      '../sessions/life/approvals.ts',
    ]) {
      const said = await lintPlanted(
        'server/gateway/planted.ts',
        `import type { Part } from '${path}'\nexport type Planted = Part\n`,
      )
      assert.match(said ?? '', /server\/gateway may import only: core, protocol, sessions/, path)
    }
    const said = await lintPlanted(
      'server/gateway/planted.ts',
      "import type { FastifyRequest } from 'fastify'\nexport type Planted = FastifyRequest\n",
    )
    assert.match(said ?? '', /server\/gateway does not own this package/)
  })

  it('is all that an adapter has of the rooms behind it', async () => {
    for (const path of [
      '../policy/decide.ts',
      '../store/sql-store.ts',
      '../sessions/life/approvals.ts',
      '../start/app-parts.ts',
    ]) {
      const said = await lintPlanted(
        'server/http/planted.ts',
        `import type { Part } from '${path}'\nexport type Planted = Part\n`,
      )
      assert.match(said ?? '', /server\/http may import only: core, protocol, gateway, sessions/, path)
    }
  })
})

// Below web/, what is nearer to the screens is imported by nothing that is further from them.
describe('the layers of the web app', () => {
  const upward = [
    ['lib', '../components/badge.tsx', /web\/lib may import only: nothing of web/],
    ['components', '../pages/policy/policy-answer.tsx', /web\/components may import only: lib, style/],
    ['components', '../app/top-bar.tsx', /web\/components may import only/],
    ['runbook-link', '../pages/debug/debug-form.tsx', /web\/runbook-link may import only/],
    ['runbook-link', '../terminal/prefill.ts', /web\/runbook-link may import only/],
    ['terminal', '../pages/sessions/session-page.tsx', /web\/terminal may import only/],
    ['terminal', '../player/cast.ts', /web\/terminal may import only/],
    ['player', '../terminal/terminal-page.tsx', /web\/player may import only/],
    ['pages/debug', '../targets/target-list.tsx', /web\/pages\/\* may import only/],
    ['pages/debug', '../../app/routes.tsx', /web\/pages\/\* may import only/],
    ['bundle', '../lib/api.ts', /web\/bundle may import only: nothing of web/],
  ] as const

  for (const [folder, path, complaint] of upward) {
    it(`refuse ${path} in web/${folder}, also for types alone`, async () => {
      const source = `import type { Part } from '${path}'\nexport type Planted = Part\n`
      assert.match((await lintPlanted(`web/${folder}/planted.ts`, source)) ?? '', complaint)
    })
  }

  it('let pass what leads the other way, and the protocol from everywhere', async () => {
    const allowed = [
      ['pages/debug', '../../terminal/prefill.ts'],
      ['pages/debug', '../../../server/protocol/api.ts'],
      ['terminal', '../components/button.tsx'],
      ['components', '../lib/format.ts'],
      ['lib', '../../server/protocol/api.ts'],
      ['app', '../pages/debug/debug-page.tsx'],
    ] as const
    for (const [folder, path] of allowed) {
      const source = `import type { Part } from '${path}'\nexport type Planted = Part\n`
      assert.equal(await lintPlanted(`web/${folder}/planted.ts`, source), undefined, `${path} in ${folder}`)
    }
  })
})

describe('the rules of hooks', () => {
  it('refuse a hook behind a return, which React throws at', async () => {
    const said = await lintPlanted(
      'web/planted.ts',
      `import { useCallback } from 'react'
export function usePlanted(isNone: boolean, act: () => void): (() => void) | undefined {
  if (isNone) return undefined
  return useCallback(() => act(), [act])
}
`,
    )
    assert.match(said ?? '', /\(rules-of-hooks\): React Hook "useCallback" is called conditionally/)
  })
})
