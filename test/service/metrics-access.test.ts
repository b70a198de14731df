import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { TestGateway } from '../support/gateway.ts'

const read = (gateway: TestGateway, token?: string) =>
  fetch(
    `${gateway.url}/metrics`,
    token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } },
  )

describe('/metrics', () => {
  it('is open to this machine without a token', async () => {
    const gateway = await TestGateway.start()
    try {
      assert.match(await (await read(gateway)).text(), /hatchway_sessions_live 0/)
    } finally {
      await gateway.stop()
    }
  })

  it('wants the configured token', async () => {
    const token = 'a-metrics-token-of-some-length'
    const gateway = await TestGateway.start({ config: { metrics: { token: { env: 'PATH' } } } })
    try {
      assert.equal((await read(gateway)).status, 401)
      assert.equal((await read(gateway, token)).status, 401)
      assert.equal((await read(gateway, process.env['PATH'])).status, 200)
    } finally {
      await gateway.stop()
    }
  })
})
