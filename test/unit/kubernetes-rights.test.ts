import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  KubernetesRefusal,
  missingRight,
  translateKubernetesError,
} from '../../server/drivers/kubernetes/api/errors.ts'
import { missingInWords } from '../../server/drivers/kubernetes/api/rights.ts'

/** As the API server says it, translated as a watch does. */
function refused(what: string, place = 'at the cluster scope') {
  const user = 'system:serviceaccount:hatchway:hatchway'
  const message = `forbidden: User "${user}" cannot list resource ${what} ${place}`
  const refusal = new KubernetesRefusal(403, JSON.stringify({ kind: 'Status', message }))
  return translateKubernetesError(refusal, { doing: 'watch it', environment: 'prod', cancelled: false })
}
const apps = (name: string) => `"${name}" in API group "apps"`

describe('rights that are missing', () => {
  it('are one line, however many there are', () => {
    const rights = ['deployments', 'statefulsets', 'daemonsets', 'replicasets'].flatMap(
      (name) => missingRight(refused(apps(name))) ?? [],
    )
    assert.deepEqual(missingInWords('prod', rights), [
      "prod does not let system:serviceaccount:hatchway:hatchway (the gateway's account) list deployments of apps, statefulsets of apps, daemonsets of apps, and replicasets of apps in the whole cluster. Ask the cluster's administrator for the role in deploy/kubernetes/rbac.yaml.",
    ])
  })

  it('name each kind and each namespace once', () => {
    const rights = ['shop', 'vault'].flatMap((namespace) =>
      ['"pods" in API group ""', apps('deployments')].flatMap(
        (what) => missingRight(refused(what, `in the namespace "${namespace}"`)) ?? [],
      ),
    )
    assert.equal(rights.length, 4)
    const [line, ...more] = missingInWords('prod', rights)
    assert.match(line ?? '', / list pods and deployments of apps in shop and vault\. /)
    assert.deepEqual(more, [])
  })

  it('are not what admission refuses, nor what broke', () => {
    assert.equal(missingRight(new KubernetesRefusal(403, 'violates PodSecurity')), undefined)
    assert.equal(missingRight(new KubernetesRefusal(500, 'User "x" cannot list resource "pods"')), undefined)
    assert.equal(missingRight(new Error('reset')), undefined)
  })
})
