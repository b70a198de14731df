import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { TestBrowser } from '../support/browser.ts'
import { BrowserGateway } from '../support/browser-gateway.ts'
import { recordSession } from '../support/browser-recording.ts'

const run = promisify(execFile)

let browser: TestBrowser
let gateway: BrowserGateway
let directory: string

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hatchway-download-'))
  gateway = await BrowserGateway.start()
  browser = await TestBrowser.start()
})
afterEach(() => browser.closeVisits())
after(async () => {
  await browser.close()
  await gateway.stop()
  await rm(directory, { recursive: true })
})

describe('a downloaded recording', () => {
  // asciinema before 3 reads version 2 only; it plays to a terminal, which script(1) provides.
  it('is played by the asciinema command line', async () => {
    const target = await gateway.target()
    const sessionId = await recordSession(gateway, `local/${target.name}`, [
      'printf "gr\\303\\266\\303\\237e\\n"',
    ])
    const page = await browser.visit({ storageState: await gateway.signedIn() })
    await page.goto(`${gateway.url}/sessions/${sessionId}/replay`)
    await page.getByRole('button', { name: 'Download' }).click()
    const download = page.waitForEvent('download')
    await page.getByRole('menuitem', { name: /asciicast v2/ }).click()
    const file = join(directory, 'session.cast')
    await (await download).saveAs(file)
    for (const command of ['cat', 'play -i 0.1']) {
      const asciinema = `stty -opost; LC_ALL=C.UTF-8 asciinema ${command} ${file}`
      const { stdout } = await run('script', ['-qec', asciinema, '/dev/null'], { timeout: 30_000 })
      assert.match(stdout, /größe\r\n/)
    }
  })
})
