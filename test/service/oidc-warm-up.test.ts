import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { eventually } from '../support/eventually.ts'
import { SignInGround } from '../support/sign-in-ground.ts'
import { WebVisitor } from '../support/web-visitor.ts'

let ground: SignInGround

before(async () => {
  ground = await SignInGround.start()
})
after(() => ground.stop())

const metadata = 'GET /.well-known/openid-configuration'

describe('a gateway that starts', () => {
  it('asks for the metadata of its provider once, before anybody signs in', async () => {
    const { requests } = ground.provider
    await eventually(() => requests.includes(metadata))
    await ground.signIn(new WebVisitor())
    assert.equal(requests.filter((request) => request === metadata).length, 1)
  })

  it('starts without an answer, says so in its log, and signs people in as soon as there is one', async () => {
    await ground.gateway.down()
    ground.provider.down()
    await ground.gateway.up()
    await eventually(() => ground.gateway.log.includes('the identity provider gives no answer yet'))
    ground.provider.up()
    const visitor = new WebVisitor()
    await eventually(async () => (await ground.toProvider(visitor)).href.startsWith(ground.provider.issuer))
    await ground.signIn(visitor)
    assert.equal((await ground.me(visitor)).status, 200)
  })
})
