// A gateway reduced to one session: opens it, prints its container as JSON, and waits to be killed.
import type { DebugSpec } from '../../server/core/debug-container.ts'
import { dockerDriver } from './docker-ground.ts'

const { socket, target, spec } = JSON.parse(process.argv[2] ?? '') as {
  socket: string
  target: string
  spec: DebugSpec
}
const driver = dockerDriver({ socket }, spec.installation)
const signal = AbortSignal.timeout(30_000)
const found = await driver.find({ kind: 'docker', environment: 'local', container: target }, {}, signal)
const { container, stream } = await driver.open(spec, found, () => {}, signal)
stream.io.read(() => {})
process.stdout.write(`${JSON.stringify({ container })}\n`)
