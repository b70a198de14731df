import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { V1EphemeralContainer } from '@kubernetes/client-node'
import { addEphemeralContainer, isAsSent } from '../../server/drivers/kubernetes/debug/ephemeral.ts'
import type { KubernetesClient } from '../../server/drivers/kubernetes/api/client.ts'
import { kubectlProfiles, type SecurityContext } from '../../server/drivers/kubernetes/debug/profiles.ts'

const own = { runAsUser: 65532, runAsGroup: 65532 }
const restricted: SecurityContext = { ...kubectlProfiles.restricted, ...own }
const general: SecurityContext = { ...kubectlProfiles.general, runAsUser: 0, runAsGroup: 0 }

const container = (securityContext: SecurityContext) =>
  ({
    name: 'hatchway-1',
    image: 'tools:1',
    command: ['/bin/sh'],
    env: [{ name: 'HATCHWAY_SESSION', value: '1' }],
    targetContainerName: 'app',
    securityContext,
  }) satisfies V1EphemeralContainer

describe('what a cluster made of a debug container', () => {
  it('is what was sent, also with defaults, more variables and fewer rights', () => {
    const sent = container(restricted)
    const env = [{ name: 'PROXY', value: 'x' }, ...(sent.env ?? [])]
    assert.ok(isAsSent(sent, { ...sent, env, terminationMessagePath: '/dev/termination-log' }))
    const tighter = { ...general, allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } }
    assert.ok(isAsSent(container(general), container({ ...tighter, procMount: 'Default' })))
    assert.ok(isAsSent(container({ ...own }), container({ ...restricted })))
  })

  const wider: Record<string, [SecurityContext, SecurityContext]> = {
    'another user': [restricted, { ...restricted, runAsUser: 0 }],
    'another group': [restricted, { ...restricted, runAsGroup: 0 }],
    'no user': [restricted, kubectlProfiles.restricted],
    privileged: [general, { ...general, privileged: true }],
    'a capability': [restricted, { ...restricted, capabilities: { drop: ['ALL'], add: ['SYS_ADMIN'] } }],
    'one that was dropped': [restricted, { ...restricted, capabilities: {} }],
    escalation: [restricted, { ...restricted, allowPrivilegeEscalation: true }],
    'no word about escalation': [restricted, { ...own, capabilities: { drop: ['ALL'] } }],
    'all of /proc': [restricted, { ...restricted, procMount: 'Unmasked' }],
    'no seccomp': [restricted, { ...restricted, seccompProfile: { type: 'Unconfined' } }],
  }
  for (const [what, [sent, made]] of Object.entries(wider)) {
    it(`is refused with ${what} of somebody else's choice`, async () => {
      assert.equal(isAsSent(container(sent), container(made)), false)
      const answer = { spec: { ephemeralContainers: [container(made)] } }
      const client = {
        environment: 'prod',
        json: () => Promise.resolve(answer),
      } as unknown as KubernetesClient
      const place = { namespace: 'n', pod: 'p', uid: 'u', actor: { subject: 'jane', groups: [] } }
      const options = { dryRun: true, signal: AbortSignal.timeout(1_000) }
      await assert.rejects(addEphemeralContainer(client, place, container(sent), options), {
        code: 'start_failed',
        message: /prod made is not the one that was sent/,
      })
    })
  }

  it('is refused as another program, beside another container, or without who it is for', () => {
    const sent = container(restricted)
    assert.equal(isAsSent(sent, { ...sent, command: ['/bin/evil'] }), false)
    assert.equal(isAsSent(sent, { ...sent, targetContainerName: 'other' }), false)
    assert.equal(isAsSent(sent, { ...sent, env: [] }), false)
  })
})
