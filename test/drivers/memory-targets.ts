import { HatchwayError } from '../../server/core/errors.ts'
import type { Target } from '../../server/core/target.ts'
import { formatTargetRef, parseTargetRef, type TargetRef } from '../../server/core/target-ref.ts'

/** A container that runs, as an engine would describe it. */
export function describeMemoryTarget(environment: string, name: string, index = 0): Target {
  return {
    ref: { kind: 'docker', environment, container: name },
    id: `abc${index}`.padEnd(64, '0'),
    name,
    image: `registry.example/${name}:1`,
    state: 'running',
    status: 'Up 3 hours',
    createdAt: new Date('2026-01-02T03:04:05Z'),
    startedAt: new Date('2026-01-02T03:04:06Z'),
    labels: { app: name, tier: index % 2 === 0 ? 'front' : 'back' },
    user: '65532:65532',
    hasShell: false,
    ports: ['8080/tcp'],
    warnings: [],
  }
}

/** A pod, or a workload, of a cluster: `payments/pod/api-1`. `above` names the workloads that a pod is part of. */
export function describeClusterTarget(
  environment: string,
  path: string,
  { above = [], ...change }: Partial<Target> & { above?: readonly string[] } = {},
): Target {
  const ref = parseTargetRef(`${environment}/${path}`)
  if (ref.kind !== 'kubernetes') throw new Error(`${path} is not in a cluster`)
  const own = `${ref.workload}/${ref.name}`
  return {
    ...describeMemoryTarget(environment, ref.name, 0),
    ref,
    id: path,
    labels: { app: ref.name },
    cluster: {
      names: [own, ...above],
      ...(ref.workload === 'pod' ? { pod: ref.name, container: 'app' } : { pods: { total: 1, ready: 1 } }),
      containers: [
        {
          name: 'app',
          kind: 'app',
          image: `registry.example/${ref.name}:1`,
          state: 'running',
          status: 'Running',
          ready: true,
          restarts: 0,
        },
      ],
      restarts: 0,
    },
    ...change,
  }
}

/** By its name, or a prefix of its id; in a cluster by its reference. */
export function findTarget(targets: readonly Target[], ref: TargetRef): Target {
  if (ref.kind === 'kubernetes') return findInCluster(targets, ref)
  const exact = targets.find(({ name }) => name === ref.container)
  if (exact !== undefined) return exact
  const [first, ...others] = targets.filter(({ id }) => id.startsWith(ref.container))
  if (first === undefined)
    throw new HatchwayError('target_not_found', `no ${formatTargetRef(ref)} says the engine`)
  if (others.length > 0)
    throw new HatchwayError('target_ambiguous', [first, ...others].map(({ name }) => name).join(' '))
  return first
}

function findInCluster(
  targets: readonly Target[],
  { container, ...ref }: TargetRef & { kind: 'kubernetes' },
): Target {
  const found = targets.find((target) => formatTargetRef(target.ref) === formatTargetRef(ref))
  if (found === undefined)
    throw new HatchwayError('target_not_found', `no ${formatTargetRef(ref)} says the cluster`)
  const containers = found.cluster?.containers.map(({ name }) => name) ?? []
  if (container === undefined || containers.includes(container)) return found
  throw new HatchwayError('target_not_found', `no ${container}, only ${containers.join()} says the cluster`)
}
