import { randomBytes } from 'node:crypto'
import type { Locator, Page } from 'playwright-core'
import { stepMs } from './browser.ts'
import { eventually } from './eventually.ts'

/** The terminal of the workspace page, used as a person does: by its keys and by what its rows show. */
export class BrowserTerminal {
  readonly page: Page

  constructor(page: Page) {
    this.page = page
  }

  /** Where xterm.js takes its keys. */
  get input(): Locator {
    return this.page.getByRole('textbox', { name: 'Terminal input' })
  }

  /** The session on the screen. */
  get sessionId(): string {
    const id = /\/sessions\/([^/]+)\/terminal/.exec(this.page.url())?.[1]
    if (id === undefined) throw new Error(`There is no terminal at ${this.page.url()}`)
    return decodeURIComponent(id)
  }

  /** What is drawn, row by row, without trailing blanks. The renderer hides these from screen readers, so they have no role. */
  async rows(): Promise<string[]> {
    const rows = await this.page.locator('.xterm-rows > div').allTextContents()
    return rows.map((row) => row.replaceAll('\u00A0', ' ').trimEnd())
  }

  /** All rows, without the empty ones at the end. */
  async screen(): Promise<string> {
    return (await this.rows()).join('\n').trimEnd()
  }

  /** Waits until the screen fits, and gives it back. */
  async until(fits: RegExp | ((screen: string) => boolean), timeoutMs = stepMs): Promise<string> {
    const check = (screen: string) => (fits instanceof RegExp ? fits.test(screen) : fits(screen))
    let last = ''
    try {
      await eventually(async () => check((last = await this.screen())), { timeoutMs })
      return last
    } catch (cause) {
      throw new Error(`Waited ${timeoutMs} ms in vain for ${String(fits)} on this screen:\n${last}`, {
        cause,
      })
    }
  }

  /** Waits for a prompt with nothing behind it. */
  async prompt(timeoutMs = stepMs): Promise<void> {
    await this.until(/[#$]$/, timeoutMs)
    await this.input.focus()
  }

  /** Types one line and Enter. */
  async enter(line: string): Promise<void> {
    await this.input.focus()
    await this.page.keyboard.type(line)
    await this.page.keyboard.press('Enter')
  }

  /** Runs one line and gives what it printed: it has to fit the screen. */
  async run(line: string, timeoutMs = stepMs): Promise<string> {
    const mark = randomBytes(3).toString('hex')
    await this.enter(`clear; ${line}; echo "<"${mark}">"`)
    const screen = await this.until(new RegExp(`^<${mark}>$`, 'm'), timeoutMs)
    return screen.slice(0, screen.indexOf(`<${mark}>`)).trim()
  }
}

/** Starts a session by the prepared form, and waits for its prompt. */
export async function openInBrowser(
  page: Page,
  url: string,
  target: string,
  reason = 'end-to-end test',
): Promise<BrowserTerminal> {
  await page.goto(`${url}/debug/${target}`)
  await page.getByRole('textbox', { name: 'Reason' }).fill(reason)
  await page.keyboard.press('Enter')
  const terminal = new BrowserTerminal(page)
  await page.waitForURL(/\/sessions\/[^/]+\/terminal$/)
  await terminal.prompt()
  return terminal
}
