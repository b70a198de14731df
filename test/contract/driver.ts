import { describe } from 'node:test'
import { commandContract } from './driver-command.ts'
import { findingContract } from './driver-finding.ts'
import type { DriverGround } from './driver-ground.ts'
import { lifeContract } from './driver-life.ts'
import { ownershipContract } from './driver-ownership.ts'
import { streamContract } from './driver-stream.ts'
import { terminalContract } from './driver-terminal.ts'

/** What every TargetDriver promises, tried on a real backend. `start` is called once for each part. */
export function driverContract({ name, start }: { name: string; start: () => Promise<DriverGround> }): void {
  describe(`driver contract on ${name}`, () => {
    findingContract(start)
    terminalContract(start)
    streamContract(start)
    lifeContract(start)
    commandContract(start)
    ownershipContract(start)
  })
}
