import assert from 'node:assert/strict'
import { it } from 'node:test'
import { memoryGround } from '../drivers/memory-ground.ts'
import { driverContract } from './driver.ts'

const leftOut = driverContract({ name: 'memory', start: memoryGround, joinsTargets: false })

it('leaves out of the contract what only the kernel of a target can tell, and nothing else', () => {
  assert.deepEqual(leftOut, [
    'runs as the target does',
    "sees the target's processes, files and network",
    "begins where getcwd works, with a home of its own and the target's files one word away",
    'shows one process of ours, which its user can neither look into nor outlive',
    "leaves no zombie below the target's first process, not even of what its user has left behind",
    "leaves nothing in the target's own files",
    "runs as the target does, among the target's processes and network, with its files one word away",
    'begins in the directory that it is given, and not at all where there is none',
  ])
})
