/**
 * `npm run bench [-- --only path,terminals,kubernetes,real,growth,everybody,interrupt,targets,policy,sign-in --rounds 10]`: one table, all from one run on this machine.
 * Peers join when they are there: `ttyd` in PATH or HATCHWAY_BENCH_TTYD, HATCHWAY_BENCH_WETTY=<build/main.js of wetty>.
 * The cluster is the one of test/cluster, which is started when it doesn't run, or that of HATCHWAY_TEST_KUBECONFIG.
 */
import { execFile } from 'node:child_process'
import { parseArgs, promisify } from 'node:util'
import { TestContainers } from '../support/containers.ts'
import { defaultEngine, defaultSocket } from '../support/engine.ts'
import { TestGateway } from '../support/gateway.ts'
import { ensureImages, imageRef } from '../support/images.ts'
import { benchClusterTargets } from './cluster-targets.ts'
import { dockerRunLane } from './docker-run-lane.ts'
import { benchEverybody } from './everybody-bench.ts'
import { engineLane, type Sidecar } from './engine-lane.ts'
import { gatewayLane } from './gateway-lane.ts'
import { benchInterrupt } from './interrupt-bench.ts'
import { benchKubernetes } from './kubernetes-bench.ts'
import type { Lane } from './lane.ts'
import { benchManySessions } from './many-sessions.ts'
import { benchPath } from './path-bench.ts'
import { benchPolicy } from './policy-bench.ts'
import { Report } from './report.ts'
import { benchSignIn } from './sign-in-bench.ts'
import { benchTerminals } from './terminal-bench.ts'
import { ttydLane, wettyLane } from './ttyd-lane.ts'

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: 'terminals,kubernetes,real,growth' },
    rounds: { type: 'string', default: '10' },
    sessions: { type: 'string', default: '200' },
    containers: { type: 'string', default: '40' },
    pods: { type: 'string', default: '5000' },
  },
})
const sections = new Set(values.only.split(','))
const rounds = Number(values.rounds)
type Target = Awaited<ReturnType<TestContainers['start']>>
const limits = { sessions: 2000, sessionsPerUser: 2000, openingsPerMinute: 100_000, runsPerMinute: 100_000 }

const report = new Report()
if (sections.has('policy')) benchPolicy(report)
if (['path', 'terminals', 'real', 'everybody'].some((name) => sections.has(name))) await onEngine()
if (sections.has('interrupt')) await benchInterrupt(report, rounds)
if (sections.has('kubernetes')) await benchKubernetes({ report, rounds })
if (sections.has('targets')) await benchClusterTargets(report, Number(values.pods))
if (sections.has('sign-in')) await benchSignIn(report, rounds)
if (sections.has('growth')) await growth()

async function onEngine(): Promise<void> {
  const engine = await defaultEngine()
  const version = await engine.docker.version()
  report.machine(`Docker Engine ${version.Version}`)
  await ensureImages(engine.docker, 'toolbox')
  const containers = new TestContainers(engine)
  try {
    const target = await containers.start({ image: 'web' })
    if (sections.has('path')) await path(target)
    if (sections.has('terminals')) await terminals(target)
    if (sections.has('real')) await realSessions(target)
    if (sections.has('everybody')) await benchEverybody(report, containers, Number(values.containers))
  } finally {
    await containers.removeAll()
  }
}

function sidecarOf(target: Target): Sidecar {
  return {
    socketPath: defaultSocket,
    targetId: target.id,
    image: imageRef('toolbox'),
    user: '65532:65532',
  }
}

async function path(target: Target): Promise<void> {
  const sidecar = sidecarOf(target)
  await benchPath({ report, sidecar, limits, target: `local/${target.name}`, rounds, keys: 500 })
}

async function terminals(target: Target): Promise<void> {
  const gateway = await TestGateway.start({ config: { limits } })
  const sidecar = sidecarOf(target)
  const lanes = [gatewayLane(gateway, `local/${target.name}`), engineLane(sidecar), dockerRunLane(sidecar)]
  lanes.push(...(await peers(sidecar)))
  try {
    await benchTerminals({ lanes, report, rounds, keys: 200, bulkBytes: 40_000_000 })
  } finally {
    for (const lane of lanes) await lane.close()
    await gateway.stop()
  }
}

async function peers(sidecar: Sidecar): Promise<Lane[]> {
  const found: Lane[] = []
  const ttyd = process.env['HATCHWAY_BENCH_TTYD'] ?? (await which('ttyd'))
  if (ttyd === undefined) report.note('ttyd is not installed: left out')
  else found.push(await ttydLane(ttyd, sidecar))
  const wetty = process.env['HATCHWAY_BENCH_WETTY']
  if (wetty === undefined) report.note('HATCHWAY_BENCH_WETTY is not set: wetty is left out')
  else found.push(await wettyLane(wetty, sidecar))
  return found
}

async function which(program: string): Promise<string | undefined> {
  try {
    return (await promisify(execFile)('which', [program])).stdout.trim()
  } catch {
    return undefined
  }
}

async function realSessions(target: Target): Promise<void> {
  const count = Number(values.sessions)
  report.section(
    'Real sessions, echo ms',
    `${count} debug containers beside one target, one key a second in each`,
  )
  const gateway = await TestGateway.start({ config: { limits } })
  try {
    const where = { gateway, target: `local/${target.name}`, report }
    await benchManySessions({ ...where, counts: [1, count], shell: true, seconds: 10, what: 'real sessions' })
  } finally {
    await gateway.stop()
  }
}

async function growth(): Promise<void> {
  report.section(
    'Growth, echo ms',
    'scripted terminals in place of an engine: what the gateway itself costs, in one process on one core, recording on',
  )
  const gateway = await TestGateway.start({ config: { limits }, scripted: true })
  try {
    const where = { gateway, target: 'local/scripted', report }
    await benchManySessions({
      ...where,
      counts: [1, 10, 100, 500, 1000],
      shell: false,
      seconds: 10,
      what: 'scripted sessions',
    })
  } finally {
    await gateway.down()
    await gateway.stop()
  }
}
