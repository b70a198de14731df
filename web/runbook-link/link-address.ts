/** The address of a runbook link. Pure. */

/** What a link says; empty texts say nothing. */
export interface LinkChoices {
  /** `<environment>/<container>` or `<environment>/<namespace>/<kind>/<name>`, without a container. */
  ref: string
  /** Which container of the pod. */
  container: string
  /** Which process of the container, in Docker. */
  process: string
  toolbox: string
  profile: string
  reason: string
  ticket: string
  /** A runbook's name, or text for the prompt. */
  run: string
}

/** `base` is an origin, without a slash at the end. */
export function linkAddress(base: string, choices: LinkChoices): string {
  return addressOf(base, choices.ref.split('/').map(encodePart), choices)
}

/** The same over parts of a path that are encoded already, or templates. */
export function addressOf(
  base: string,
  path: readonly string[],
  { container, process, toolbox, profile, reason, ticket, run }: LinkChoices,
  templates: Readonly<Record<string, string>> = {},
): string {
  const texts = { container, process, toolbox, profile, reason, ticket, run }
  const query = Object.entries(texts).flatMap(([key, text]) => {
    const value = templates[key] ?? encodePart(text)
    return value === '' ? [] : [`${key}=${value}`]
  })
  return `${base}/debug/${path.join('/')}${query.length === 0 ? '' : `?${query.join('&')}`}`
}

/**
 * RFC 3986's unreserved characters and nothing else: what is left means nothing to YAML, Markdown, Go templates, HTML and
 * chat programs, which take `)` or `'` at an end for their own.
 */
export function encodePart(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replaceAll(
    /[!'()*~]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}
