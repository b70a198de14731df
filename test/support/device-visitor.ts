import type { WebVisitor } from './web-visitor.ts'

/**
 * What a person does at the address that a device shows: fills in one form after the other, as `login` or else cancelling,
 * until there is none left. Resolves with the last page.
 */
export async function followDeviceLink(visitor: WebVisitor, link: string, login?: string): Promise<string> {
  let page = await visitor.go(link)
  for (let forms = 0; forms < 6 && page.text.includes('<form'); forms++) {
    const [, action = page.url.href] = /<form[^>]* action="([^"]+)"/.exec(page.text) ?? []
    const form: Record<string, string> = {}
    if (page.text.includes('name="login"'))
      Object.assign(form, login === undefined ? { abort: 'yes' } : { login })
    for (const [input] of page.text.matchAll(/<input[^>]*>/g)) {
      const name = /name="([^"]+)"/.exec(input)?.[1]
      const value = /value="([^"]*)"/.exec(input)?.[1]
      if (name !== undefined && value !== undefined) form[name] = value
    }
    page = await visitor.go(new URL(action, page.url).href, { form })
  }
  return page.text
}
