import type { Owner } from '../api/objects.ts'

/** What is kept of every workload, so that a pod's place below it can be verified. */
export interface OwnerRecord {
  kind: string
  uid: string
  namespace: string
  name: string
  owner?: Owner
}

/** The workloads above an object. */
export interface Lineage {
  /** `<kind>/<name>` of those that exist with the claimed uid, nearest first. */
  names: readonly string[]
  /** Their uids. */
  uids: readonly string[]
  /** `<kind>/<name>` that are claimed and could not be verified: good for refusing, never for allowing. */
  claims: readonly string[]
}

/** Owners of owners: a deployment is two above its pod, and no built-in workload is higher. */
const maxDepth = 4

/**
 * Follows the owners that an object claims, each verified by uid, kind, name and namespace: anybody who may create a pod can
 * write any owner into it. (With the uid of a real one its controller takes the pod over, or lets go of it.) Pure.
 */
export function traceOwners(
  { namespace, owner }: Pick<OwnerRecord, 'namespace' | 'owner'>,
  byUid: (uid: string) => OwnerRecord | undefined,
): Lineage {
  const names: string[] = []
  const uids: string[] = []
  let claimed = owner
  while (claimed !== undefined && names.length < maxDepth) {
    const found = verifyOwner(claimed, namespace, byUid(claimed.uid))
    if (found === undefined) return { names, uids, claims: claimsOf(claimed) }
    names.push(nameOf(found))
    uids.push(found.uid)
    claimed = found.owner
  }
  return { names, uids, claims: [] }
}

/** The record, when it is the object that was claimed. */
export function verifyOwner<T extends OwnerRecord>(
  claimed: Owner,
  namespace: string,
  found: T | undefined,
): T | undefined {
  if (found === undefined || found.uid !== claimed.uid || found.namespace !== namespace) return undefined
  return found.kind === claimed.kind && found.name === claimed.name ? found : undefined
}

/** As rules name it. */
export function nameOf({ kind, name }: Pick<Owner, 'kind' | 'name'>): string {
  return `${kind}/${name}`
}

// A replicaset that can't be looked at may belong to a deployment: its name is that one's and a hash.
function claimsOf({ kind, name }: Owner): string[] {
  const deployment = kind === 'replicaset' ? /^(.+)-[a-z0-9]+$/.exec(name)?.[1] : undefined
  return [nameOf({ kind, name }), ...(deployment === undefined ? [] : [`deployment/${deployment}`])]
}
