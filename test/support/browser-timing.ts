import type { Page } from 'playwright-core'
import { stepMs } from './browser.ts'
import { within } from './within.ts'

/** The part of a page's inside that the measurement needs: the tests are not compiled with the DOM's types. */
interface PageInside {
  document: {
    querySelector(selector: string): { children: ArrayLike<{ textContent: string | null }> } | null
  }
  performance: { now(): number }
  addEventListener(type: string, listener: (event: { timeStamp: number }) => void, options: object): void
  requestAnimationFrame(next: () => void): void
}

interface Start {
  /** The window's event that starts the clock; its own time counts, not when the page got round to it. */
  event: 'keydown' | 'online'
  /** A pattern for the row that stops it. */
  row: string
  /** Only the last row with text counts: for prompts. */
  lastOnly?: boolean
}

/**
 * Milliseconds from an event to the first frame in which a row of the terminal fits, measured inside the page. `act`
 * has to cause the event.
 */
export async function timeUntilRow(page: Page, start: Start, act: () => Promise<void>): Promise<number> {
  const measured = page.evaluate(measure, { lastOnly: false, ...start })
  // Registered once the page has answered anything that was asked after it.
  await page.evaluate('1')
  await act()
  return within(measured, `${start.row} in the terminal`, stepMs)
}

function measure({ event, row, lastOnly }: Required<Start>): Promise<number> {
  const inside = globalThis as unknown as PageInside
  const pattern = new RegExp(row)
  const isThere = () => {
    const rows = Array.from(inside.document.querySelector('.xterm-rows')?.children ?? [])
      .map((each) => (each.textContent ?? '').replaceAll('\u00A0', ' ').trimEnd())
      .filter((text) => text !== '')
    return (lastOnly ? rows.slice(-1) : rows).some((text) => pattern.test(text))
  }
  return new Promise((resolve) => {
    const begin = ({ timeStamp }: { timeStamp: number }) => {
      const look = () => {
        if (isThere()) resolve(inside.performance.now() - timeStamp)
        else inside.requestAnimationFrame(look)
      }
      look()
    }
    inside.addEventListener(event, begin, { capture: true, once: true })
  })
}
