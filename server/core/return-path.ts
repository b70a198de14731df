const maxLength = 2000
const nowhere = 'http://hatchway.invalid'

/**
 * Where a sign-in leads back to: the link that was followed, as a path of this site with its query and fragment. `/` for
 * everything that would leave the site, meet the API, or is no link that a browser would follow.
 */
export function returnPath(asked: string | undefined): string {
  if (asked === undefined || asked.length > maxLength || !/^\/[!-~]*$/.test(asked)) return '/'
  // Browsers take `\` for `/`, and `/.//host` becomes `//host`: what counts is what is left after parsing.
  const url = URL.parse(asked, nowhere)
  if (url === null || url.origin !== nowhere || url.pathname.startsWith('//')) return '/'
  if (/^\/(api|signin)(\/|$)/i.test(url.pathname)) return '/'
  return url.pathname + url.search + url.hash
}
