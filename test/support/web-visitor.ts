/** A browser as far as redirects, forms and cookies go; a host's cookies are no other host's. */
export class WebVisitor {
  readonly #cookies = new Map<string, Map<string, string>>()

  /** Follows redirects until there is a page, or until `stop` says that this address is enough. */
  async go(
    url: string,
    { form, stop = () => false }: { form?: Record<string, string>; stop?: (url: URL) => boolean } = {},
  ): Promise<{ url: URL; status: number; text: string }> {
    let at = new URL(url)
    let body: URLSearchParams | undefined = form === undefined ? undefined : new URLSearchParams(form)
    for (let hops = 0; hops < 20; hops++) {
      const response = await this.fetch(at.href, {
        method: body === undefined ? 'GET' : 'POST',
        ...(body !== undefined && { body }),
      })
      const location = response.headers.get('location')
      if (location === null || response.status < 300 || response.status > 399)
        return { url: at, status: response.status, text: await response.text() }
      await response.body?.cancel()
      at = new URL(location, at)
      body = undefined
      if (stop(at)) return { url: at, status: 0, text: '' }
    }
    throw new Error(`too many redirects, the last to ${at.href}`)
  }

  /** One request with this host's cookies. */
  async fetch(url: string, init: RequestInit = {}): Promise<Response> {
    const jar = this.jar(url)
    const headers = new Headers(init.headers)
    const { pathname } = new URL(url)
    const fitting = [...jar].filter(([name]) => pathname.startsWith(pathOf(name)))
    const pairs = fitting.map(([name, value]) => `${name.split(';')[0]}=${value}`)
    if (pairs.length > 0) headers.set('cookie', pairs.join('; '))
    const response = await fetch(url, { ...init, headers, redirect: 'manual' })
    for (const line of response.headers.getSetCookie()) {
      const [pair = ''] = line.split(';')
      const path = /;\s*path=([^;]+)/i.exec(line)?.[1] ?? '/'
      const name = pair.slice(0, pair.indexOf('=')) + (path === '/' ? '' : `;${path}`)
      const value = pair.slice(pair.indexOf('=') + 1)
      if (/expires=Thu, 01 Jan 1970|max-age=0/i.test(line)) jar.delete(name)
      else jar.set(name, value)
    }
    return response
  }

  /** The cookies of this address's host, by name, and `;path` where it is not `/`. */
  jar(url: string): Map<string, string> {
    const { host } = new URL(url)
    const jar = this.#cookies.get(host) ?? new Map<string, string>()
    this.#cookies.set(host, jar)
    return jar
  }
}

function pathOf(key: string): string {
  return key.split(';')[1] ?? '/'
}
