/**
 * A path of this site as an address names it, or `/` when it would lead elsewhere: as browsers read it, to whom `//host`,
 * `/\host`, `/<tab>/host` and `/.//host` are other sites. `origin` is the site's own. Pure.
 */
export function ownPath(address: string, origin: string): string {
  if (!address.startsWith('/')) return '/'
  const url = URL.parse(address, origin)
  if (url === null || url.origin !== origin || url.pathname.startsWith('//')) return '/'
  return url.pathname + url.search + url.hash
}
