/** What a prepared form's address names. Pure. */
import { isKubernetesName, isTargetReference } from '../../lib/target-reference.ts'
import { shownName } from '../../lib/link-text.ts'

export interface DebugPlace {
  environment: string
  /** Absent in Docker. */
  namespace?: string
  /** `container` in Docker. */
  kind: string
  name: string
  /** As the address names it, without the container. */
  base: string
  /** A pod that was chosen by hand in place of the one that a workload is resolved to. */
  pod?: string
  /** What is looked at and opened: the pod chosen by hand, or the base, with the container. */
  ref: string
  container?: string
  /** Which pod of the workload; says nothing once a pod is chosen by hand. */
  pick?: string
  /** What the address asks for and cannot be had, in words. */
  notes?: string[]
}

const picks = ['ready', 'unready', 'crashing']

/**
 * Reads `<environment>/<container>` or `<environment>/<namespace>/<kind>/<name>[/<container>]` and the query beside it.
 * Undefined when it names no target: nothing of a link lands in a path of the API unread.
 */
export function debugPlace(reference: string, parameters: URLSearchParams): DebugPlace | undefined {
  if (!isTargetReference(reference)) return undefined
  const [environment = '', second = '', kind, name, inPath] = reference.split('/')
  if (kind === undefined || name === undefined) {
    return { environment, kind: 'container', name: second, base: reference, ref: reference }
  }
  const notes: string[] = []
  const named = (key: 'container' | 'pod'): string | undefined => {
    const asked = parameters.get(key) ?? ''
    if (asked === '' || isKubernetesName(asked)) return asked || undefined
    notes.push(`The link asks for the ${key} “${shownName(asked)}”. No ${key} can have that name.`)
    return undefined
  }
  const base = [environment, second, kind, name].join('/')
  const container = named('container') ?? inPath
  const pod = kind === 'pod' ? undefined : named('pod')
  const pick = parameters.get('pick') ?? ''
  if (pick !== '' && !picks.includes(pick))
    notes.push(`The link asks for a pod that is “${shownName(pick)}”. It may ask for ${picks.join(', ')}.`)
  const opened = pod === undefined ? base : `${environment}/${second}/pod/${pod}`
  return {
    environment,
    namespace: second,
    kind,
    name,
    base,
    ref: container === undefined ? opened : `${opened}/${container}`,
    ...(pod === undefined ? {} : { pod }),
    ...(container === undefined ? {} : { container }),
    ...(pod === undefined && picks.includes(pick) ? { pick } : {}),
    ...(notes.length === 0 ? {} : { notes }),
  }
}

/** `api` of `api-7d9c8b6f4-x2x9z` or `db-0`: what the pods of a workload have in common. */
export function commonName(pod: string): string {
  // Kubernetes draws the ends of generated names from consonants and digits without 0, 1 and 3 (apimachinery, util/rand).
  const generated = '[bcdfghjklmnpqrstvwxz2456789]'
  const ends = [
    new RegExp(`-${generated}{6,10}-${generated}{5}$`),
    new RegExp(`-${generated}{5}$`),
    /-\d{1,4}$/,
  ]
  const end = ends.find((pattern) => pattern.test(pod))
  return end === undefined ? pod : pod.replace(end, '')
}
