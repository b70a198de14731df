import { Link } from 'wouter'
import type { Target } from '../../../server/protocol/target-api.ts'
import { Badge, Dot } from '../../components/badge.tsx'
import type { Columns } from '../../components/data-table.tsx'
import { Hint } from '../../components/hint.tsx'
import { age, shortImage } from '../../lib/format.ts'
import { LinkButton } from '../../runbook-link/link-button.tsx'
import { useNow } from '../../lib/use-now.ts'
import { ContainerList } from '../../components/container-list.tsx'
import { isMeant, shortStatus, statusOf, toneOf } from '../../lib/target-status.ts'
import { ageColumn, environmentColumn, Locked, NameLink, Warnings } from './target-cells.tsx'
import { isFailing, podsPath } from '../../lib/target-filters.ts'
import './cluster-columns.css'

/** What a row shows where there are pods; a Docker container's beside them fits into the same columns. */
export const clusterColumns: Columns<Target> = [
  {
    id: 'name',
    accessorFn: (row) => `${row.namespace ?? ''}/${row.name}`,
    header: 'Name',
    cell: ({ row }) => <Name target={row.original} />,
  },
  {
    id: 'state',
    accessorFn: (row) => row.state,
    header: 'State',
    enableSorting: false,
    cell: ({ row }) => <State target={row.original} />,
  },
  {
    id: 'ready',
    header: 'Ready',
    enableSorting: false,
    cell: ({ row }) => <Ready target={row.original} />,
  },
  {
    id: 'restarts',
    accessorFn: (row) => row.restarts ?? 0,
    header: 'Restarts',
    sortDescFirst: true,
    cell: ({ row }) => <Restarts target={row.original} />,
  },
  {
    id: 'image',
    accessorFn: (row) => row.image,
    header: 'Image',
    cell: ({ row }) => <Images target={row.original} />,
  },
  {
    id: 'node',
    accessorFn: (row) => row.node ?? '',
    header: 'Node',
    cell: ({ row }) => (
      <span className="mono muted cut" title={row.original.node}>
        {row.original.node ?? '—'}
      </span>
    ),
  },
  ageColumn,
]

/** The same where there are several environments. */
export const clusterColumnsOfMany: Columns<Target> = [...clusterColumns, environmentColumn]

/** For rows of which none is on a node: workloads are on as many as they have pods. */
export const nodelessColumns: Columns<Target> = clusterColumns.filter(({ id }) => id !== 'node')
export const nodelessColumnsOfMany: Columns<Target> = [...nodelessColumns, environmentColumn]

function Name({ target }: { target: Target }) {
  const now = useNow(10_000)
  return (
    <div className="name-cell">
      <div className="name-line">
        <NameLink target={target} />
        <span className="kind-word">{target.workload ?? 'container'}</span>
        {target.canOpen ? null : <Locked />}
        {target.hasShell === false ? <Badge tone="accent">no shell</Badge> : null}
        <Warnings warnings={target.warnings} name={target.name} />
        <LinkButton reference={target.ref} name={target.name} />
      </div>
      <div className="sub-line narrow-only">
        <span className={isFailing(target) ? 'bad-words cut' : 'cut'}>{statusOf(target)}</span>
        <span>{age(target.startedAt ?? target.createdAt, now)}</span>
      </div>
    </div>
  )
}

function State({ target }: { target: Target }) {
  const status = statusOf(target)
  return isFailing(target) ? (
    <Badge tone="bad" title={status}>
      <span className="cut">{shortStatus(target)}</span>
    </Badge>
  ) : (
    <span className="state-cell" title={status}>
      <Dot tone={toneOf(target)} />
      <span className="cut">{shortStatus(target)}</span>
    </span>
  )
}

/** `2/3`: pods of a workload, containers of a pod. */
function readyOf({ pods, containers, kind }: Target): string | undefined {
  if (pods !== undefined) return `${pods.ready}/${pods.total}`
  if (kind === 'docker' || containers === undefined) return undefined
  const meant = containers.filter(isMeant)
  return `${meant.filter((each) => each.ready).length}/${meant.length}`
}

/** A workload's pods are one step away. */
function Ready({ target }: { target: Target }) {
  const words = readyOf(target)
  const path = target.pods === undefined || target.pods.total === 0 ? undefined : podsPath(target)
  if (words === undefined) return <span className="faint">—</span>
  if (path === undefined) return <span className="number muted">{words}</span>
  return (
    <Link
      href={path}
      className="number pods-link"
      aria-label={`${words} ready: show the pods of ${target.name}`}
      title="Show its pods"
    >
      {words}
    </Link>
  )
}

function Restarts({ target }: { target: Target }) {
  if (target.restarts === undefined) return <span className="faint">—</span>
  const isAlarming = isFailing(target) && target.restarts > 0
  const words = isAlarming ? 'number bad-words strong' : target.restarts > 0 ? 'number' : 'number faint'
  return <span className={words}>{target.restarts}</span>
}

/** The image that counts; which container is which on demand. */
function Images({ target }: { target: Target }) {
  const containers = target.containers ?? []
  const own = containers.filter(({ kind }) => kind !== 'debug').length
  return (
    <span className="image-cell">
      <span className="mono muted cut" title={target.image}>
        {shortImage(target.image)}
      </span>
      {containers.length > 1 ? (
        <Hint
          label={`${own} containers of ${target.name}`}
          trigger={<Badge>{own === 1 ? '1 container' : `${own} containers`}</Badge>}
        >
          <ContainerList containers={containers} chosen={target.container} />
        </Hint>
      ) : null}
    </span>
  )
}
