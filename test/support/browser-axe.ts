import axeCore from 'axe-core'
import type { Page } from 'playwright-core'

/** What of axe-core's answer is used: https://github.com/dequelabs/axe-core/blob/develop/doc/API.md#results-object. */
interface AxeRun {
  axe: {
    run(options: object): Promise<{
      violations: { id: string; help: string; nodes: { html: string; failureSummary?: string }[] }[]
    }>
  }
}

/**
 * What axe-core finds on the page, one line for each element: all rules of WCAG 2.2 A and AA and its best practices, contrast
 * included. Run by the debugger, which the page's content security policy does not bind.
 */
export async function axeProblems(page: Page): Promise<string[]> {
  await page.evaluate(axeCore.source)
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as AxeRun
    const { violations } = await axe.run({
      resultTypes: ['violations'],
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    })
    // An open menu has the focus and gives it back: no landmark leads past it.
    const isMenu = (id: string, html: string) => id === 'region' && html.includes('role="menu"')
    return violations.flatMap(({ id, help, nodes }) =>
      nodes
        .filter(({ html }) => !isMenu(id, html))
        .map(({ html, failureSummary = '' }) => {
          const why = failureSummary.split('\n').slice(1).join(' ').trim()
          return `${id}: ${help}: ${html.slice(0, 160)} ${why.slice(0, 240)}`
        }),
    )
  })
}
