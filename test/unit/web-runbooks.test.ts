import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { typingProblem } from '../../web/terminal/typing-problem.ts'
import { readKey } from '../../web/terminal/terminal-keys.ts'

const ready = {
  end: undefined,
  role: 'controller',
  session: { state: 'running' },
  connection: { kind: 'live' },
} as const

describe('a click on a command', () => {
  it('types it for the controller of a running session that is connected', () => {
    assert.equal(typingProblem(ready), undefined)
  })

  it('says why not to everybody else', () => {
    assert.match(typingProblem({ ...ready, role: 'observer' }) ?? '', /You are watching/)
    for (const kind of ['connecting', 'retrying', 'expired', 'control-taken', 'refused'] as const)
      assert.match(typingProblem({ ...ready, connection: { kind } }) ?? '', /no connection/, kind)
    for (const state of ['pending-approval', 'starting'] as const)
      assert.match(typingProblem({ ...ready, session: { state } }) ?? '', /no prompt yet/)
    assert.match(typingProblem({ ...ready, end: { reason: 'exit', code: 'exited' } }) ?? '', /has ended/)
    assert.match(typingProblem({ ...ready, session: { state: 'ended' } }) ?? '', /has ended/)
  })

  it('has a key for its list, which is not the shell’s', () => {
    const key = { key: 'L', code: 'KeyL', ctrlKey: true, shiftKey: true, altKey: false, metaKey: false }
    assert.deepEqual(readKey(key, false), { kind: 'runbooks' })
    assert.equal(readKey({ ...key, key: 'l', shiftKey: false }, false), undefined)
  })
})
