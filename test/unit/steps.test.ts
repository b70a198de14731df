import assert from 'node:assert/strict'
import { it } from 'node:test'
import { atOnce, inTurns, type Steps } from '../../server/core/steps.ts'

function* work(steps: number): Steps<number> {
  for (let step = 0; step < steps; step++) {
    const begun = performance.now()
    while (performance.now() - begun < 5);
    yield
  }
  return steps
}

it('lets everybody else have their turns between the steps, and does the same as at once', async () => {
  let turns = 0
  let over = false
  const others = () => {
    turns++
    if (!over) setImmediate(others)
  }
  setImmediate(others)
  assert.equal(await inTurns(work(8)), 8)
  over = true
  assert.ok(turns >= 8, `${turns} turns of others`)
  assert.equal(atOnce(work(2)), 2)
})
