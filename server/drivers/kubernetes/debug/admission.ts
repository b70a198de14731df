import { HatchwayError } from '../../../core/errors.ts'
import type { Profile } from '../../../core/vocabulary.ts'
import { refusalOf } from '../api/errors.ts'
import { recreated, staticPod } from '../catalog/pod-errors.ts'

/** What Pod Security said against a pod. */
export interface PodSecurityRefusal {
  /** Such as `restricted:latest`. */
  level: string
  /** Its own words: each rule, and what breaks it. */
  violations: string
  /** The containers that it names. */
  containers: readonly string[]
}

/** Reads Pod Security's refusal (k8s.io/pod-security-admission, admission.go); undefined for any other. */
export function podSecurityRefusal(cause: unknown): PodSecurityRefusal | undefined {
  const refusal = refusalOf(cause)
  if (refusal?.status !== 403) return undefined
  const [, level, violations] = /violates PodSecurity "([^"]+)": ([\s\S]+)$/.exec(refusal.message) ?? []
  if (level === undefined || violations === undefined) return undefined
  const lists = [...violations.matchAll(/containers? ((?:"[^"]+"(?:, )?)+)/g)].map(([, list = '']) => list)
  const containers = lists.flatMap((list) => [...list.matchAll(/"([^"]+)"/g)].map(([, name = '']) => name))
  return { level, violations, containers: [...new Set(containers)] }
}

export interface RefusedContainer {
  namespace: string
  pod: string
  /** Of the debug container that was refused. */
  name: string
  profile: Profile
  /** Debug containers that the pod had before. */
  earlier: readonly string[]
  /** What would be admitted in its place, when that was tried. */
  admitted?: Profile
}

/** The API server's refusal to add a debug container, in words that say what would work. */
export function explainRefusal(cause: unknown, refused: RefusedContainer): HatchwayError {
  const security = podSecurityRefusal(cause)
  if (security !== undefined) return explainPodSecurity(cause, security, refused)
  const refusal = refusalOf(cause)
  if (!(cause instanceof HatchwayError) || refusal === undefined) return asError(cause)
  const { namespace, pod } = refused
  const fail = (code: HatchwayError['code'], words: string) => new HatchwayError(code, words, { cause })
  if (refusal.status === 404) {
    return nameIn(refusal.details) === ''
      ? fail(
          'start_failed',
          'This cluster knows no ephemeral containers: it takes Kubernetes 1.25 or newer. A debug copy of the pod works there.',
        )
      : fail('target_not_found', `The pod ${pod} is gone from ${namespace}. Open the target again.`)
  }
  if (refusal.status !== 422) return cause
  if (/metadata\.uid: .*field is immutable/s.test(refusal.message)) return recreated(pod, cause)
  if (/static pods? do/i.test(refusal.message)) return staticPod(pod, cause)
  if (/privileged.*disallowed by cluster policy/is.test(refusal.message)) {
    return fail(
      'admission_refused',
      'This cluster allows no privileged containers at all (its API server runs without --allow-privileged): the profile sysadmin cannot be used. Choose another one.',
    )
  }
  if (/targetContainerName: Not found/.test(refusal.message))
    return fail(
      'target_not_found',
      `The pod ${pod} has no container of that name any more. Open the target again.`,
    )
  return fail('admission_refused', `The cluster refuses the debug container: ${refusal.message}`)
}

function explainPodSecurity(
  cause: unknown,
  { level, violations, containers }: PodSecurityRefusal,
  { namespace, pod, name, profile, earlier, admitted }: RefusedContainer,
): HatchwayError {
  const rule = `Pod Security "${level}" of the namespace ${namespace}`
  // Our name means nothing to the reader, and is as long as the rest.
  const words = violations.replaceAll(`"${name}"`, 'the debug container').trim()
  const others = containers.filter((each) => each !== name)
  const old = others.filter((each) => earlier.includes(each))
  const fail = (text: string) => new HatchwayError('admission_refused', text, { cause })
  const own = others.filter((each) => !earlier.includes(each))
  if (admitted === undefined && old.length > 0) {
    return fail(
      `${rule} takes no more debug containers in the pod ${pod}, because of an earlier one in it that breaks its rules (${old.join(', ')}). Such containers can't be removed: recreate the pod, or open another one. It said: ${words}`,
    )
  }
  if (admitted === undefined && own.length > 0) {
    return fail(
      `${rule} takes no debug container in the pod ${pod}, because the pod itself breaks its rules (${own.join(', ')}). It said: ${words}`,
    )
  }
  const offer =
    admitted === undefined
      ? 'No profile is admitted there.'
      : `The strongest profile that is admitted there is ${admitted}.`
  return new HatchwayError(
    'admission_refused',
    `${rule} refuses the profile ${profile}: ${words}. ${offer}`,
    {
      cause,
      ...(admitted !== undefined && { profiles: [admitted] }),
    },
  )
}

function nameIn(details: unknown): string | undefined {
  if (typeof details !== 'object' || details === null) return ''
  return 'name' in details && typeof details.name === 'string' ? details.name : ''
}

function asError(cause: unknown): HatchwayError {
  return cause instanceof HatchwayError
    ? cause
    : new HatchwayError('start_failed', 'The debug container could not be added.', { cause })
}
