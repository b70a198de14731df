import { testEngines } from '../support/engine.ts'
import { dockerGround } from '../support/docker-ground.ts'
import { driverContract } from './driver.ts'

for (const engine of await testEngines()) {
  driverContract({ name: `Docker, ${engine.name} engine`, start: () => dockerGround(engine) })
}
