import { HatchwayError } from '../../../core/errors.ts'

/**
 * `/api/v1/namespaces/shop/pods/web/attach`, every part encoded.
 * Throws `invalid_request` for what is no path segment (k8s.io/apimachinery, pkg/api/validation/path): dots lead elsewhere,
 * encoded or not, and the API server takes an encoded slash for a slash, so that `web/exec` would name another resource.
 */
export function resourcePath(
  group: string,
  namespace: string | undefined,
  plural: string,
  name?: string,
  subresource?: string,
): string {
  const parts = [
    ...(namespace === undefined ? [] : ['namespaces', namespace]),
    plural,
    ...(name === undefined ? [] : [name]),
    ...(subresource === undefined ? [] : [subresource]),
  ]
  for (const part of parts) {
    if (part === '' || part === '.' || part === '..' || /[/%]/.test(part))
      throw new HatchwayError('invalid_request', `"${part}" is no name that a cluster can have.`)
  }
  return [group, ...parts.map(encodeURIComponent)].join('/')
}

export interface RequestPath {
  /** Already encoded: build it with {@link resourcePath}. */
  path: string
  query?: Readonly<Record<string, string | readonly string[]>>
}

/** The path with its query, encoded. */
export function pathOf({ path, query }: RequestPath): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query ?? {})) {
    for (const one of typeof value === 'string' ? [value] : value) search.append(name, one)
  }
  return search.size === 0 ? path : `${path}?${search}`
}
