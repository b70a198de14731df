import type { Page } from 'playwright-core'

/** What the checks need of the page's inside: the tests are not compiled with the DOM's types. */
interface Element {
  tagName: string
  id: string
  tabIndex: number
  className: unknown
  innerText?: string
  isConnected: boolean
  getAttribute(name: string): string | null
  closest(selector: string): Element | null
  querySelector(selector: string): Element | null
  matches(selector: string): boolean
  getBoundingClientRect(): { width: number; height: number; top: number; bottom: number; left: number }
  labels?: ArrayLike<{ innerText: string }>
  outerHTML: string
}
interface PageInside {
  document: {
    title: string
    activeElement: Element | null
    documentElement: { lang: string }
    getElementById(id: string): Element | null
    querySelectorAll(selector: string): ArrayLike<Element>
  }
  getComputedStyle: (this: void, element: Element) => Record<string, string>
}

/**
 * What is wrong with the page for a keyboard or a screen reader, one line each: language, title, one main and one h1,
 * names of controls and images, labels of fields, tab order, ids. Contrast is left out.
 */
export async function accessibilityProblems(page: Page): Promise<string[]> {
  return page.evaluate(check)
}

/** Where the focus is, in a few words, and what is wrong with it; undefined when nothing has it. */
export interface Focus {
  what: string
  isVisible: boolean
}

export async function focusOf(page: Page): Promise<Focus | undefined> {
  return page.evaluate(describeFocus)
}

function check(): string[] {
  const { document, getComputedStyle } = globalThis as unknown as PageInside
  const all = (selector: string) => Array.from(document.querySelectorAll(selector))
  const text = (element: Element | null | undefined) => (element?.innerText ?? '').trim()
  const short = (element: Element) => element.outerHTML.slice(0, 120)
  // What is drawn for nobody needs no name.
  const isThere = (element: Element) =>
    element.closest('[aria-hidden="true"],[hidden],[inert]') === null &&
    getComputedStyle(element)['display'] !== 'none' &&
    getComputedStyle(element)['visibility'] !== 'hidden'
  const nameOf = (element: Element) => {
    const by = (element.getAttribute('aria-labelledby') ?? '').split(' ').filter(Boolean)
    return [
      ...by.map((id) => text(document.getElementById(id))),
      element.getAttribute('aria-label') ?? '',
      ...Array.from(element.labels ?? []).map((label) => label.innerText),
      element.getAttribute('alt') ?? '',
      element.matches('input,textarea,select') ? '' : text(element),
      element.querySelector('title,[aria-label]')?.getAttribute('aria-label') ?? '',
    ]
      .join('')
      .trim()
  }
  const problems: string[] = []
  if (document.documentElement.lang === '') problems.push('the page has no language')
  if (document.title.trim() === '') problems.push('the page has no title')
  for (const [selector, name] of [
    ['main,[role="main"]', 'main'],
    ['h1', 'h1'],
  ] as const) {
    const count = all(selector).length
    if (count !== 1) problems.push(`the page has ${count} of ${name}`)
  }
  const controls =
    'button,a[href],input,textarea,select,[role="button"],[role="switch"],[role="checkbox"],[role="menuitem"],[role="dialog"],[role="group"],table,nav,aside'
  for (const element of all(controls).filter(isThere))
    if (nameOf(element) === '') problems.push(`no name: ${short(element)}`)
  for (const image of all('img').filter(isThere))
    if (image.getAttribute('alt') === null) problems.push(`no alternative: ${short(image)}`)
  for (const element of all('[tabindex]'))
    if (element.tabIndex > 0) problems.push(`positive tabindex: ${short(element)}`)
  const ids = all('[id]').map((element) => element.id)
  for (const id of new Set(ids.filter((each, index) => ids.indexOf(each) !== index)))
    problems.push(`id twice: ${id}`)
  for (const element of all('[aria-describedby],[aria-labelledby],[aria-controls]'))
    for (const attribute of ['aria-describedby', 'aria-labelledby'])
      for (const id of (element.getAttribute(attribute) ?? '').split(' ').filter(Boolean))
        if (document.getElementById(id) === null)
          problems.push(`${attribute} leads nowhere: ${short(element)}`)
  return problems
}

function describeFocus(): Focus | undefined {
  const { document, getComputedStyle } = globalThis as unknown as PageInside
  const focused = document.activeElement
  if (focused === null || focused.tagName === 'BODY') return undefined
  const name =
    focused.getAttribute('aria-label') ??
    (Array.from(focused.labels ?? [])[0]?.innerText ||
      focused.innerText ||
      focused.getAttribute('title') ||
      '')
  const marks = (element: Element | null): boolean => {
    if (element === null) return false
    const style = getComputedStyle(element)
    const outlined = style['outlineStyle'] !== 'none' && style['outlineWidth'] !== '0px'
    return outlined || (style['boxShadow'] ?? 'none') !== 'none'
  }
  const { width, height } = focused.getBoundingClientRect()
  // A terminal shows the focus by its cursor; fields may show it by the frame around them.
  const isMarked =
    focused.closest('.xterm') !== null ||
    marks(focused) ||
    marks(focused.closest(':focus-within:not(body):not(html)')) ||
    marks(focused.closest('label')) ||
    marks(focused.closest('tr'))
  return {
    what: `${focused.tagName.toLowerCase()} ${name.trim().split('\n')[0]?.slice(0, 60) ?? ''}`.trim(),
    isVisible: isMarked && width > 0 && height > 0,
  }
}
