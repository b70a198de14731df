import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { parse } from 'yaml'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))
const read = (path: string) => readFile(join(root, path), 'utf8')
const hatchway = (...args: string[]) => run(process.execPath, [join(root, 'server/main.ts'), ...args])

interface Service {
  [key: string]: unknown
  volumes?: string[]
  ports?: string[]
}
interface Compose {
  services: Record<string, Service>
}

// test/deploy/prove.sh builds and starts all of this; here is what needs no engine.
describe('what deploy/ hands out', () => {
  let directory = ''
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'hatchway-deploy-'))
    await cp(join(root, 'deploy'), directory, { recursive: true })
    // Where compose.yaml mounts it.
    await cp(join(directory, 'compose-policy.yaml'), join(directory, 'policy.yaml'))
  })
  after(() => rm(directory, { recursive: true }))

  for (const name of ['hatchway.example.yaml', 'compose-hatchway.yaml']) {
    it(`${name} is a configuration without a problem`, async () => {
      const { stdout } = await hatchway('config', 'check', join(directory, name))
      assert.notEqual(stdout, '')
    })
  }

  for (const name of ['policy.example.yaml', 'compose-policy.yaml']) {
    it(`${name} is a policy without a problem`, async () => {
      const { stdout } = await hatchway('policy', 'check', join(directory, name))
      assert.notEqual(stdout, '')
    })

    it(`${name} keeps the gateway itself from being debugged`, async () => {
      const explain = ['policy', 'explain', join(directory, name)]
      const who = ['--user', 'eve', '--group', 'sre-oncall', '--reason', 'curious']
      const what = ['--target', 'local/gateway', '--label', 'org.opencontainers.image.title=hatchway']
      const { stdout } = await hatchway(...explain, ...who, ...what).catch(
        (cause: unknown) => cause as { stdout: string },
      )
      assert.match(stdout, /the gateway itself is not a target/)
    })
  }

  it("the image has the label that those policies look for, and runs as nobody's uid", async () => {
    const dockerfile = await read('deploy/Dockerfile')
    assert.match(dockerfile, /^LABEL org\.opencontainers\.image\.title="hatchway"/m)
    assert.match(dockerfile, /^USER 65532:65532$/m)
  })

  it('every FROM can be replaced, and no builder beyond what engine 20.10 has is needed', async () => {
    for (const path of ['deploy/Dockerfile', 'deploy/toolbox/Dockerfile', 'deploy/sample/Dockerfile']) {
      const dockerfile = await read(path)
      for (const [, base] of dockerfile.matchAll(/^FROM (\S+)/gm)) {
        assert.match(base ?? '', /^(\$\{[A-Z_]+\}|scratch)$/, path)
      }
      assert.doesNotMatch(dockerfile, /^# syntax=|--mount=|<<|^ADD /m, path)
    }
  })

  it('what the Dockerfile copies is let through by .dockerignore', async () => {
    const dockerfile = await read('deploy/Dockerfile')
    const allowed = (await read('.dockerignore')).split('\n')
    for (const [, words = ''] of dockerfile.matchAll(/^COPY (?!--from)(.+)$/gm)) {
      const sources = words.split(' ').slice(0, -1)
      for (const source of sources) assert.ok(allowed.includes(`!${source}`), source)
    }
  })

  it('compose.yaml gives no service more than it needs', async () => {
    const { services } = parse(await read('deploy/compose.yaml')) as Compose
    for (const name of ['gateway', 'sample']) {
      const service = services[name]
      assert.ok(service, name)
      assert.equal(service['read_only'], true, name)
      assert.deepEqual(service['cap_drop'], ['ALL'], name)
      assert.deepEqual(service['security_opt'], ['no-new-privileges:true'], name)
      assert.ok(service['mem_limit'] && service['pids_limit'], name)
      for (const key of ['privileged', 'cap_add', 'pid', 'user'])
        assert.ok(!(key in service), `${name}.${key}`)
    }
    const holders = Object.keys(services).filter((name) =>
      services[name]?.volumes?.join().includes('docker.sock'),
    )
    assert.deepEqual(holders, ['gateway'])
    for (const port of services['gateway']?.ports ?? []) assert.match(port, /^127\.0\.0\.1:/)
  })

  it('every file of deploy/ is spoken of in the documents', async () => {
    const names = (await readdir(join(root, 'docs'))).filter((name) => name.endsWith('.md'))
    const pages = [...names.map((name) => `docs/${name}`), 'README.md', 'SECURITY.md']
    const words = (await Promise.all(pages.map(read))).join('\n')
    for (const name of await readdir(join(root, 'deploy'))) {
      assert.ok(words.includes(`deploy/${name}`), `deploy/${name}`)
    }
  })
})
