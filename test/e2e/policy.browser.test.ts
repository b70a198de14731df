import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, afterEach, before, describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import { accessibilityProblems } from '../support/browser-accessibility.ts'
import { TestBrowser, type VisitOptions } from '../support/browser.ts'
import { BrowserGateway } from '../support/browser-gateway.ts'
import type { TestContainer } from '../support/containers.ts'

const fourEyes =
  '{name: engineers, who: {groups: [engineers]}, actions: [open], effect: require-approval, approval: {groups: [leads]}}'
const alone = '{name: engineers, who: {groups: [engineers]}, actions: [open], effect: allow}'
const rest = `
  - {name: auditors, who: {groups: [audit]}, actions: [list, terminate, read-audit], effect: allow}
  - {name: interns look, who: {groups: [interns]}, actions: [list], effect: allow}
`
const policy = `rules:\n  - ${fourEyes}${rest}`

let browser: TestBrowser
let gateway: BrowserGateway
let target: TestContainer
let ref: string

before(async () => {
  gateway = await BrowserGateway.start({ policy })
  gateway.gateway.groups['jane'] = ['audit']
  gateway.gateway.groups['ian'] = ['interns']
  gateway.gateway.groups['gil'] = ['guests']
  target = await gateway.target()
  ref = `local/${target.name}`
  browser = await TestBrowser.start()
})
afterEach(() => browser.closeVisits())
after(async () => {
  await browser.close()
  await gateway.stop()
})

async function visit(who: string, path: string, options: VisitOptions = {}): Promise<Page> {
  const page = await browser.visit({ storageState: await gateway.signedIn(who), ...options })
  await page.goto(`${gateway.url}${path}`)
  return page
}
const answerOf = (page: Page) => page.getByRole('region', { name: 'What policy says' })
const paste = (page: Page, text: string) => page.getByRole('textbox', { name: 'Policy file' }).fill(text)

/** Nothing may hang over the edge of a phone. */
async function widerThanScreen(page: Page): Promise<number> {
  const size = 'document.body.scrollWidth - document.body.clientWidth'
  return Number(await page.evaluate(size))
}

describe('the questions to policy', () => {
  it('are asked by keyboard alone, with a completed target, and the address holds them', async () => {
    const page = await visit('jane', '/')
    await page.getByRole('link', { name: target.name }).waitFor()
    await page.keyboard.press('g')
    await page.keyboard.press('y')
    await page.getByRole('heading', { name: 'Nothing asked yet' }).waitFor()
    await page.getByRole('textbox', { name: 'Who' }).focus()
    await page.keyboard.type('ada')
    await page.keyboard.press('Tab')
    await page.keyboard.type('engineers')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Tab')
    await page.keyboard.type(target.name)
    await page.getByRole('option', { name: ref }).waitFor()
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Enter')
    await page.keyboard.press('Enter')
    const answer = answerOf(page)
    await answer.getByRole('heading', { name: 'Needs an approval' }).waitFor()
    await answer.getByText('one person of leads, says engineers').waitFor()
    await answer.getByText('engineers matches and decides').waitFor()
    await answer.getByText('2 more that do not match').click()
    await answer.getByText('auditors is for others and allows something else').waitFor()
    assert.deepEqual(await accessibilityProblems(page), [])
    const address = page.url()
    assert.equal(new URL(address).search.includes('user=ada'), true)
    await page.goto('about:blank')
    await page.goto(address)
    await answer.getByRole('heading', { name: 'Needs an approval' }).waitFor()
    assert.equal(await page.getByRole('textbox', { name: 'Who' }).inputValue(), 'ada')
  })

  it('are asked of a changed policy, which goes to the gateway alone and stays out of the address', async () => {
    const page = await visit('jane', `/policy?user=ada&groups=engineers&target=${ref}`)
    await answerOf(page).getByRole('heading', { name: 'Needs an approval' }).waitFor()
    await page.getByRole('button', { name: 'Compare' }).click()
    await page.getByRole('alert').getByText('Paste or choose a policy first.').waitFor()
    await paste(page, `rules:\n  - ${alone}${rest}`)
    await page.keyboard.press('Control+Enter')
    const table = page.getByRole('region', { name: 'Before and after' })
    await table.getByRole('heading', { name: 'from “Needs an approval” to “Allowed”' }).waitFor()
    const verdict = table.getByRole('row', { name: /^Verdict differs/ })
    assert.deepEqual(await verdict.getByRole('cell').allInnerTexts(), ['Needs an approval', 'Allowed'])
    await table.getByRole('row', { name: /^At most 4 hours 4 hours/ }).waitFor()
    assert.deepEqual(await accessibilityProblems(page), [])
    assert.ok(!decodeURIComponent(page.url()).includes('rules'))
    const stored = 'JSON.stringify([{ ...localStorage }, { ...sessionStorage }])'
    assert.ok(!String(await page.evaluate(stored)).includes('effect'))
    await answerOf(page).getByRole('heading', { name: 'Needs an approval' }).waitFor()
  })

  it('name the place of what is wrong with a file, and lead there', async () => {
    const file = join(gateway.gateway.directory, 'broken.yaml')
    await writeFile(
      file,
      'rules:\n  - name: x\n    who: {everyone: true}\n    actions: [fly]\n    effect: allow\n',
    )
    const page = await visit('jane', `/policy?target=${ref}`)
    await page.locator('input[type=file]').setInputFiles(file)
    await page.getByRole('button', { name: 'Compare' }).click()
    const problems = page.getByRole('region', { name: 'Problems of the policy file' })
    await problems.getByText('rules[0].actions[0]').waitFor()
    assert.deepEqual(await accessibilityProblems(page), [])
    await problems.getByRole('button', { name: 'line 4:15' }).press('Enter')
    const place =
      'document.activeElement.value.slice(document.activeElement.selectionStart, document.activeElement.selectionStart + 3)'
    assert.equal(await page.evaluate(place), 'fly')
  })

  it('fit a phone, in both themes', async () => {
    for (const colorScheme of ['dark', 'light'] as const) {
      const viewport = { width: 390, height: 844 }
      const page = await visit('jane', `/policy?user=ada&groups=engineers&target=${ref}`, {
        colorScheme,
        viewport,
      })
      await answerOf(page).getByRole('heading', { name: 'Needs an approval' }).waitFor()
      await paste(page, `rules:\n  - ${alone}${rest}`)
      await page.getByRole('button', { name: 'Compare' }).click()
      await page.getByRole('heading', { name: 'from “Needs an approval” to “Allowed”' }).waitFor()
      assert.equal(await widerThanScreen(page), 0)
    }
  })
})

describe('who may not read the audit log', () => {
  it('is shown no way to ask about others, and why they themselves may not', async () => {
    const page = await visit('ian', `/debug/${ref}`)
    await page.getByRole('heading', { name: 'You may not open a session here' }).waitFor()
    assert.equal(await page.getByRole('link', { name: 'Policy' }).count(), 0)
    await page.getByRole('button', { name: 'Why not?' }).click()
    await page.getByRole('link', { name: 'Ask about another time or profile' }).click()
    await page.getByRole('heading', { name: 'What policy says to you' }).waitFor()
    await answerOf(page).getByRole('heading', { name: 'Denied' }).waitFor()
    await answerOf(page).getByText('engineers is for others: members of engineers').waitFor()
    assert.equal(await answerOf(page).getByText('auditors').count(), 0)
    assert.equal(await page.getByRole('textbox', { name: 'Who' }).count(), 0)
    assert.equal(await page.getByRole('textbox', { name: 'Policy file' }).count(), 0)
    assert.deepEqual(await accessibilityProblems(page), [])
  })

  it('reads the same of a target that is hidden and of one that is not there, and what to tell', async () => {
    const said: string[] = []
    for (const name of [target.name, 'nobody-has-this-name']) {
      const page = await visit('gil', `/debug/local/${name}`, { allow: [/status of 404/] })
      await page.getByRole('link', { name: 'May I see it?' }).click()
      await answerOf(page).getByRole('heading', { name: 'Nothing that you may see' }).waitFor()
      await answerOf(page).getByText('guests').waitFor()
      assert.deepEqual(await accessibilityProblems(page), [])
      said.push((await page.getByRole('main').innerText()).replaceAll(name, 'NAME'))
    }
    assert.equal(said[0], said[1])
  })

  it('gains nothing by a link that asks about somebody else', async () => {
    const page = await visit('ian', `/policy?user=ada&groups=engineers&target=${ref}`)
    await answerOf(page).getByRole('heading', { name: 'Denied' }).waitFor()
    await answerOf(page).getByText('ian in interns').waitFor()
  })
})
