import { describe, it } from 'node:test'
import { commandContract } from './driver-command.ts'
import { findingContract } from './driver-finding.ts'
import type { DriverContract, Test } from './driver-ground.ts'
import { lifeContract } from './driver-life.ts'
import { ownershipContract } from './driver-ownership.ts'
import { streamContract } from './driver-stream.ts'
import { terminalContract } from './driver-terminal.ts'

/**
 * What every TargetDriver promises, tried on a real backend or in memory. `start` is called once for each part. Returns the names
 * of what was left out because its debug containers share nothing with their targets.
 */
export function driverContract({ name, start, joinsTargets = true }: DriverContract): readonly string[] {
  const leftOut: string[] = []
  const inTarget: Test = (what, test) => void (joinsTargets ? it(what, test) : leftOut.push(what))
  describe(`driver contract on ${name}`, () => {
    findingContract(start)
    terminalContract(start, inTarget)
    streamContract(start)
    lifeContract(start)
    commandContract(start, inTarget)
    ownershipContract(start)
  })
  return leftOut
}
