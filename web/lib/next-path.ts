import { ownPath } from './own-path.ts'

const maxLength = 2000
const nowhere = 'http://hatchway.invalid'

/**
 * Where a sign-in leads to: a path of this app with its query and fragment, else `/`. The same rule as the gateway's own
 * (`server/core/return-path.ts`), which has the last word: here it decides what a page says and where a click goes. Pure.
 */
export function nextPath(asked: string | null | undefined): string {
  if (asked === undefined || asked === null || asked.length > maxLength || !/^\/[!-~]*$/.test(asked))
    return '/'
  const path = ownPath(asked, nowhere)
  return /^\/(api|signin)([/?#]|$)/i.test(path) ? '/' : path
}
