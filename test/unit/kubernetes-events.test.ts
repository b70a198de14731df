import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { newestMessage } from '../../server/drivers/kubernetes/debug/events.ts'

describe('newest event of a start', () => {
  it('goes by time, whatever the order, and takes the later listed of one second', () => {
    const at = (message: string, lastTimestamp: string) => ({ message, lastTimestamp })
    const pulling = at('Pulling image', '2026-11-24T07:00:01Z')
    const failed = at('Failed to pull image', '2026-11-24T07:00:02Z')
    const backOff = at('Back-off pulling image', '2026-11-24T07:00:02Z')
    assert.equal(newestMessage([failed, pulling]), 'Failed to pull image')
    assert.equal(newestMessage([pulling, failed, backOff]), 'Back-off pulling image')
    assert.equal(newestMessage([]), undefined)
  })

  it('prefers what says why to the bare reason that follows it', () => {
    const at = (message: string) => ({ message, lastTimestamp: '2026-11-24T07:00:02Z' })
    const why = at('Failed to pull image "a": connection refused')
    const bare = at('Error: ErrImagePull')
    assert.equal(newestMessage([why, bare]), why.message)
    assert.equal(newestMessage([bare]), bare.message)
  })
})
