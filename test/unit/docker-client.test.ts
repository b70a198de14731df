import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { readItems } from '../../server/drivers/docker/answer.ts'
import { DockerClient } from '../../server/drivers/docker/client.ts'
import { limitConcurrency } from '../../server/drivers/shared/limit-concurrency.ts'
import { eventually } from '../support/eventually.ts'
import { ScriptedEngine } from '../support/scripted-engine.ts'

const run = promisify(execFile)
const clientModule = fileURLToPath(new URL('../../server/drivers/docker/client.ts', import.meta.url))

describe('calls to a Docker engine', () => {
  let engine: ScriptedEngine
  const clients: DockerClient[] = []
  const clientOf = () => {
    const client = new DockerClient({ kind: 'unix', path: engine.socket }, 'local')
    clients.push(client)
    return client
  }
  const { signal } = new AbortController()
  const list = { path: '/containers/json', query: { all: '1' }, doing: 'list its containers', signal }

  before(async () => {
    engine = await ScriptedEngine.start()
  })
  after(async () => {
    for (const client of clients) client.close()
    await engine.close()
  })

  it('show docker-modem, which inspects each request to any depth, neither connections nor listeners', async () => {
    // What the modem inspects is what it prints when it debugs. Twenty calls that hang stand behind the agent and the signal.
    const program = `
      import { DockerClient } from ${JSON.stringify(clientModule)}
      const client = new DockerClient({ kind: 'unix', path: ${JSON.stringify(engine.socket)} })
      const stop = new AbortController()
      const call = (path) => client.json({ method: 'GET', path, doing: 'answer', signal: stop.signal }).catch(() => {})
      const hanging = Array.from({ length: 20 }, () => call('/hangs'))
      await call('/containers/json')
      stop.abort()
      await Promise.all(hanging)
      client.close()`
    engine.answers.set('GET /hangs', () => {})
    const args = ['--input-type=module', '--eval', program]
    const { stderr } = await run(process.execPath, args, { env: { ...process.env, DEBUG: 'modem' } })
    const shown = stderr.split(/(?=^.*modem Sending: )/m).filter((part) => part.includes('modem Sending: '))
    assert.ok(shown.length >= 3, `docker-modem told of ${shown.length} requests`)
    for (const text of shown) {
      assert.ok(text.length < 1000, `${text.length} characters for one request: ${text.slice(0, 2000)}`)
      assert.match(text, /agent: \[Agent\]/)
      assert.match(text, /signal: \[AbortSignal\]/)
    }
  })

  it('share a look that began after they asked, however many they are', async () => {
    const client = clientOf()
    const waiting: ServerResponse[] = []
    engine.answers.set('GET /containers/json', (_request, response) => void waiting.push(response))
    const answer = (body: unknown) => waiting.shift()?.end(JSON.stringify(body))
    const first = client.look(list)
    await eventually(() => waiting.length === 1, { what: 'the first look' })
    const leaver = new AbortController()
    const later = Array.from({ length: 50 }, () => client.look(list))
    const left = client.look({ ...list, signal: leaver.signal })
    leaver.abort()
    await assert.rejects(left, { code: 'cancelled' })
    answer(['before'])
    assert.deepEqual(await first, ['before'])
    await eventually(() => waiting.length === 1, { what: 'the second look' })
    answer(['after'])
    assert.deepEqual(new Set((await Promise.all(later)).map(String)), new Set(['after']))
    const again = client.look(list)
    await eventually(() => waiting.length === 1, { what: 'a look of its own' })
    answer(['again'])
    assert.deepEqual(await again, ['again'])
    engine.answers.delete('GET /containers/json')
  })

  it('are bounded in number, and one that lasts takes none of their places', async () => {
    const client = clientOf()
    const waiting: ServerResponse[] = []
    for (let at = 0; at < 60; at++) {
      engine.answers.set(`GET /slow/${at}`, (_request, response) => void waiting.push(response))
    }
    const call = (at: number) =>
      client.json({
        method: 'GET',
        path: `/slow/${at}`,
        doing: 'answer',
        signal: AbortSignal.timeout(10_000),
      })
    const calls = Array.from({ length: 60 }, (_, at) => call(at))
    await eventually(() => waiting.length === 24, { what: 'as many calls as there may be' })
    const events = await client.stream({ method: 'GET', path: '/events', doing: 'tell', signal })
    assert.equal(waiting.length, 24)
    let answered = 0
    while (answered < 60) {
      await eventually(() => waiting.length > 0, { what: 'the next call' })
      waiting.shift()?.end('{}')
      answered++
    }
    assert.deepEqual(
      new Set((await Promise.all(calls)).map((answer) => JSON.stringify(answer))),
      new Set(['{}']),
    )
    const closed = once(events, 'close')
    events.destroy()
    await closed
  })

  it('fail for who has given up, and for nobody else', async () => {
    const client = clientOf()
    const gone = AbortSignal.abort()
    const call = {
      method: 'GET',
      path: '/containers/json',
      doing: 'list its containers',
      signal: gone,
    } as const
    await assert.rejects(client.json(call), { code: 'cancelled' })
    await assert.rejects(client.look({ ...list, signal: gone }), { code: 'cancelled' })
    await assert.rejects(client.stream(call), { code: 'cancelled' })
    assert.deepEqual(await client.look(list), [])
  })

  it('refuse an engine of Windows containers, and what is no engine, in plain words', async () => {
    const good = engine.answers.get('GET /version')
    assert.ok(good !== undefined)
    for (const [path, body, words] of [
      ['/version', { ApiVersion: '1.41', Os: 'windows', Arch: 'amd64' }, /runs Windows containers/],
      ['/info', { OSType: 'windows', SecurityOptions: null }, /runs Windows containers/],
      ['/version', { ApiVersion: null }, /names no API version/],
      ['/version', null, /names no API version/],
      ['/version', '<html>', /names no API version/],
    ] as const) {
      const before = engine.answers.get(`GET ${path}`)
      engine.answers.set(`GET ${path}`, { body })
      await assert.rejects(clientOf().look(list), { code: 'backend_unavailable', message: words })
      if (before !== undefined) engine.answers.set(`GET ${path}`, before)
    }
    const client = clientOf()
    engine.answers.set('GET /containers/json', (_request, response) => void response.end('<html>'))
    await assert.rejects(client.look(list), { code: 'backend_unavailable', message: /can't be read/ })
    engine.answers.delete('GET /containers/json')
    assert.deepEqual(await client.look(list), [])
  })
})

describe('turns', () => {
  it('are given in order, handed on at once, and left by who does not wait any more', async () => {
    const turns = limitConcurrency(1)
    const first = Promise.withResolvers<void>()
    const order: string[] = []
    const stop = new AbortController()
    const works = [
      turns(async () => await first.promise),
      turns(() => Promise.resolve(order.push('left')), stop.signal).catch((cause: unknown) =>
        order.push(String(cause)),
      ),
      turns(() => Promise.resolve(order.push('second'))),
    ]
    stop.abort(new Error('tired'))
    first.resolve()
    await Promise.all([...works, turns(() => Promise.resolve(order.push('third')))])
    assert.deepEqual(order, ['Error: tired', 'second', 'third'])
  })
})

describe('a list that is read as it comes', () => {
  const cut = async (text: string, size: number, parse = (item: string): unknown => JSON.parse(item)) => {
    const bytes = Buffer.from(text)
    const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
      bytes.subarray(at * size, (at + 1) * size),
    )
    return await readItems(given(chunks), parse)
  }

  it('gives its objects however it was cut', async () => {
    const items = [{ a: '}]"\\' }, { b: [[{}], 'é'] }, {}, { c: null }]
    const text = ` ${JSON.stringify(items, undefined, 1)} `
    for (let size = 1; size <= Buffer.byteLength(text); size += 1) {
      assert.deepEqual(await cut(text, size), { items, tooLarge: 0 }, `cut at each ${size}`)
    }
    for (const empty of ['[]', ' [ ] ', 'null', '[null, 1]']) {
      assert.deepEqual(await cut(empty, 3), { items: [], tooLarge: 0 }, empty)
    }
  })

  it('leaves out what is too large, and takes nothing else for a list', async () => {
    const large = `[{"a":1},{"b":"${'x'.repeat(1024 * 1024)}"},{"c":3}]`
    assert.deepEqual(await cut(large, 65_536), { items: [{ a: 1 }, { c: 3 }], tooLarge: 1 })
    for (const other of ['', '{}', '{"message":"no"}', '"text"', '[{"a":1}', '<html>', 'nothing']) {
      await assert.rejects(cut(other, 4), SyntaxError, other)
    }
  })
})

async function* given(chunks: readonly Buffer[]): AsyncGenerator<Buffer> {
  for (const chunk of chunks) yield await Promise.resolve(chunk)
}
