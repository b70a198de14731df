import type { ContainerInfo } from 'dockerode'
import { warningsOfFacts, type FoundFacts } from '../../core/target-facts.ts'
import { type Target } from '../../core/target.ts'
import { targetStates, type TargetState } from '../../core/vocabulary.ts'
import { containerName, labels } from './container.ts'
import type { Inspected } from './read.ts'

/** What a list doesn't tell of a container. */
export interface TargetDetails {
  info: Inspected
  found: FoundFacts
  user?: string
  hasShell?: boolean
}

/** One line of the list, and what is known beyond it. Pure. */
export function describeTarget(
  environment: string,
  container: ContainerInfo,
  details?: TargetDetails,
): Target {
  const name = nameOf(container)
  const ownSession = ownSessionOf(container)
  const startedAt = details === undefined ? undefined : startOf(details.info)
  return {
    ref: { kind: 'docker', environment, container: name },
    id: container.Id,
    name,
    image: container.Image,
    imageId: container.ImageID,
    state: stateOf(container, details),
    status: container.Status,
    createdAt: new Date(container.Created * 1000),
    ...(startedAt === undefined ? {} : { startedAt }),
    labels: container.Labels,
    ...(details?.user === undefined ? {} : { user: details.user }),
    ...(details?.hasShell === undefined ? {} : { hasShell: details.hasShell }),
    ports: portsOf(container),
    ...(details === undefined ? {} : details.found),
    warnings: warningsOf(container, details),
    ...(ownSession === undefined ? {} : { ownSession }),
  }
}

/**
 * The session that a container of Hatchway's own belongs to. A container has its image's labels too, so they alone say nothing:
 * its name is `hatchway-<session>` as well, which no image can give and no two containers of an engine have.
 */
export function ownSessionOf(container: ContainerInfo): string | undefined {
  const session = container.Labels[labels.session]
  return session !== undefined && nameOf(container) === containerName(session) ? session : undefined
}

/** What Podman says beyond Docker's words (libpod/define/containerstate.go). */
const podmanStates: Readonly<Record<string, TargetState>> = {
  configured: 'created',
  initialized: 'created',
  stopping: 'exited',
  stopped: 'exited',
}

function stateOf({ State }: ContainerInfo, details: TargetDetails | undefined): TargetState {
  const known = targetStates.find((state) => state === State) ?? podmanStates[State]
  if (known !== undefined) return known
  // An engine that says nothing, `unknown` or `improper` may still know whether it runs.
  return details?.info.State.Running === true ? 'running' : 'dead'
}

/** The name without its links: the one that has a single slash. */
function nameOf({ Names, Id }: ContainerInfo): string {
  const own = Names.find((name) => name.lastIndexOf('/') === 0)
  return own?.slice(1) ?? Id.slice(0, 12)
}

function startOf({ State }: Inspected): Date | undefined {
  const at = new Date(State.StartedAt)
  return Number.isNaN(at.getTime()) || at.getUTCFullYear() < 1970 ? undefined : at
}

/** In an order of their own: the engine's is another one each time. */
function portsOf({ Ports }: ContainerInfo): string[] {
  const sorted = Ports.toSorted(
    (a, b) => a.PrivatePort - b.PrivatePort || (a.PublicPort || 0) - (b.PublicPort || 0),
  )
  const texts = sorted.map(({ PrivatePort, PublicPort, Type }) =>
    PublicPort ? `${PublicPort}->${PrivatePort}/${Type}` : `${PrivatePort}/${Type}`,
  )
  return [...new Set(texts)]
}

function warningsOf({ State, HostConfig }: ContainerInfo, details: TargetDetails | undefined): string[] {
  const options = details?.info.HostConfig
  const network = options?.NetworkMode || HostConfig.NetworkMode
  const found: [boolean, string][] = [
    [
      State === 'paused',
      'Frozen: the container is paused, so its processes answer nothing until it is unpaused.',
    ],
    [State === 'restarting', 'Restarting: a shell can join only while it runs.'],
    [
      options?.PidMode?.startsWith('container:') ?? false,
      "Shares another container's processes: the files at /proc/1/root are that one's.",
    ],
    [network === 'none', 'Has no network: only loopback works.'],
    [network.startsWith('container:'), "Uses another container's network."],
    [options?.ReadonlyRootfs ?? false, 'Read-only: its files can be read but not changed.'],
  ]
  return [
    ...found.flatMap(([holds, words]) => (holds ? [words] : [])),
    ...(details === undefined ? [] : warningsOfFacts(details.found)),
  ]
}
