import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { KubernetesAccess } from '../../server/drivers/kubernetes/api/access.ts'
import { RecentAnswers } from '../../server/drivers/kubernetes/api/answers.ts'
import { clientFor, startApiServerDouble, writeKubeconfig } from '../support/api-server-double.ts'
import { makeCertificates } from '../support/certificates.ts'

describe('answers that are remembered for a while', () => {
  it('are good for so long, and then are dropped by the next one', () => {
    const answers = new RecentAnswers<number>(100)
    answers.set('a', 1, { now: 0, most: 10 })
    answers.set('b', 2, { now: 50, most: 10 })
    assert.deepEqual([answers.get('a', 99), answers.get('a', 100), answers.get('b', 100)], [1, undefined, 2])
    answers.set('c', 3, { now: 100, most: 10 })
    assert.equal(answers.size, 2)
    answers.set('d', 4, { now: 1000, most: 10 })
    assert.equal(answers.size, 1)
  })

  it('are so many at most, the oldest of them out first', () => {
    const answers = new RecentAnswers<number>(100)
    for (const [index, question] of ['a', 'b', 'a', 'c'].entries())
      answers.set(question, index, { now: index, most: 2 })
    assert.deepEqual(
      ['a', 'b', 'c'].map((question) => answers.get(question, 4)),
      [2, undefined, 3],
    )
    answers.drop('a', 0)
    assert.equal(answers.size, 2, 'it is another one now')
    answers.drop('a', 2)
    assert.equal(answers.size, 1)
  })
})

describe('what a cluster says that a person may see', () => {
  it('is remembered, though not of any number of namespaces that the person thinks of', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'hatchway-access-'))
    const certificates = await makeCertificates(directory, 'cluster')
    const server = await startApiServerDouble(certificates)
    const asked: string[] = []
    server.answer = (_request, response, body) => {
      const review = JSON.parse(body) as { spec: { resourceAttributes: { namespace?: string } } }
      const { namespace = '' } = review.spec.resourceAttributes
      asked.push(namespace)
      response.end(JSON.stringify({ status: { allowed: namespace.startsWith('mine') } }))
    }
    const ca = Buffer.from(certificates.ca).toString('base64')
    const cluster = { server: server.url, 'certificate-authority-data': ca }
    const path = await writeKubeconfig(directory, 'kubeconfig', cluster, { token: 'secret' })
    const client = clientFor({ kind: 'kubeconfig', paths: [path] }, true)
    const access = new KubernetesAccess(client)
    const actor = { subject: 'jane', groups: [] }
    try {
      // As many as the cluster really has are remembered all together.
      const real = Array.from({ length: 310 }, (_, index) => `mine-${index}`)
      const sees = await access.visible(actor, real)
      assert.ok(real.every((namespace) => sees(namespace)))
      await access.visible(actor, real)
      assert.deepEqual(asked.splice(0).toSorted(), ['', ...real].toSorted())
      assert.equal((await access.visible(actor, ['guess']))('guess'), false)
      assert.deepEqual(asked.splice(0), ['guess'])
      // The oldest, that of the whole cluster too, have made room for it.
      await access.visible(actor, ['guess', 'mine-0', 'mine-309'])
      assert.deepEqual(asked.splice(0), ['', 'mine-0'])
    } finally {
      client.close()
      await server.close()
      await rm(directory, { recursive: true })
    }
  })
})
