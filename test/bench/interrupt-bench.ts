import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Page } from 'playwright-core'
import { BrowserGateway } from '../support/browser-gateway.ts'
import { openInBrowser } from '../support/browser-terminal.ts'
import { timeUntilRow } from '../support/browser-timing.ts'
import { TestBrowser } from '../support/browser.ts'
import { ensureClusterImages, testCluster } from '../support/cluster.ts'
import { TestNamespace } from '../support/cluster-namespace.ts'
import { defaultSocket } from '../support/engine.ts'
import { imageRef } from '../support/images.ts'
import { within } from '../support/within.ts'
import { dockerRunLane } from './docker-run-lane.ts'
import { kubectlDebugLane, shellPrompt } from './kubectl-lane.ts'
import { startEphemeralTarget } from './kubernetes-bench.ts'
import type { Lane } from './lane.ts'
import type { Report } from './report.ts'
import { digits, median, percentile } from './statistics.ts'

const barMs = 150
const floodMs = 2_000
const longestMs = 30_000
const line = '0123456789'.repeat(6)

interface Flooded {
  name: string
  /** Floods the terminal, interrupts that, and resolves with the milliseconds until the prompt is shown. */
  interrupt(): Promise<number>
  close(): Promise<void>
}

/** From Ctrl-C in a flood to the prompt, in Chromium through the gateway, and in a pty with the tool that it replaces. */
export async function benchInterrupt(report: Report, rounds: number): Promise<void> {
  report.section(
    'Ctrl-C in a flood, ms to the prompt',
    `after ${floodMs} ms of yes, in turns; the gateway in Chromium, recording; bar: ${barMs} ms, judged by p50`,
  )
  const browser = await TestBrowser.start()
  try {
    await onDocker(report, browser, rounds)
    await onCluster(report, browser, rounds)
  } finally {
    await browser.close()
  }
}

async function onDocker(report: Report, browser: TestBrowser, rounds: number): Promise<void> {
  const gateway = await BrowserGateway.start()
  try {
    const target = await gateway.target()
    const sidecar = {
      socketPath: defaultSocket,
      targetId: target.id,
      image: imageRef('toolbox'),
      user: '65532:65532',
    }
    await compare(report, 'docker', rounds, [
      await inChromium(browser, gateway, `local/${target.name}`),
      await inPty(dockerRunLane(sidecar)),
    ])
  } finally {
    await gateway.stop()
  }
}

async function onCluster(report: Report, browser: TestBrowser, rounds: number): Promise<void> {
  const cluster = await testCluster()
  await ensureClusterImages(cluster, 'web', 'toolbox')
  const namespace = await TestNamespace.create(cluster, { enforce: 'restricted' })
  const directory = await mkdtemp(join(tmpdir(), 'hatchway-bench-'))
  const { kubeconfig, api } = cluster
  const gateway = await BrowserGateway.start({
    config: { environments: [{ id: 'cluster', kind: 'kubernetes', kubeconfig }] },
  })
  try {
    const target = await startEphemeralTarget(namespace, api, kubeconfig)
    const name = `cluster/${target.namespace}/pod/${target.pod}/${target.container}`
    await compare(report, 'kubernetes', rounds, [
      await inChromium(browser, gateway, name),
      await inPty(await kubectlDebugLane(target, directory)),
    ])
  } finally {
    await gateway.stop()
    await namespace.close()
    api.close()
    await rm(directory, { recursive: true })
  }
}

async function compare(
  report: Report,
  what: string,
  rounds: number,
  floods: readonly Flooded[],
): Promise<void> {
  const times = floods.map((): number[] => [])
  for (let round = 0; round < rounds; round++)
    for (const [at, flood] of floods.entries()) times[at]?.push(await flood.interrupt())
  for (const [at, flood] of floods.entries()) {
    const own = times[at] ?? []
    const p50 = median(own)
    const figures = { p50: digits(p50), p95: digits(percentile(own, 0.95)), max: digits(Math.max(...own)) }
    report.line({
      what,
      lane: flood.name,
      figures,
      ...(at === 0 && p50 > barMs && { ratio: 'above the bar' }),
    })
    await flood.close()
  }
}

async function inChromium(browser: TestBrowser, gateway: BrowserGateway, target: string): Promise<Flooded> {
  const page: Page = await browser.visit({ storageState: await gateway.signedIn() })
  const terminal = await openInBrowser(page, gateway.url, target)
  return {
    name: 'gateway in Chromium',
    async interrupt() {
      await terminal.enter(`yes ${line}`)
      await terminal.until(new RegExp(`^${line}\n${line}`, 'm'))
      await delay(floodMs)
      const took = await timeUntilRow(page, { event: 'keydown', row: '[#$]$', lastOnly: true }, () =>
        page.keyboard.press('Control+c'),
      )
      await terminal.run('clear')
      return took
    },
    close: () => browser.closeVisits(),
  }
}

async function inPty(lane: Lane): Promise<Flooded> {
  const terminal = await lane.open()
  let last = ''
  let look = () => {}
  terminal.onData((bytes) => {
    last = (last + bytes.toString('latin1')).slice(-1000)
    look()
  })
  const until = async (pattern: RegExp, act: () => void): Promise<number> => {
    const shown = Promise.withResolvers<void>()
    look = () => {
      if (pattern.test(last)) shown.resolve()
    }
    const began = performance.now()
    act()
    await within(shown.promise, `${pattern.source} in ${lane.name}`, longestMs)
    look = () => {}
    return performance.now() - began
  }
  return {
    name: lane.name,
    async interrupt() {
      await until(new RegExp(`${line}\r\n${line}`), () => terminal.write(`yes ${line}\n`))
      await delay(floodMs)
      return until(shellPrompt, () => terminal.write('\u0003'))
    },
    async close() {
      await terminal.close()
      await lane.close()
    },
  }
}
