import type { Target } from '../../../server/protocol/target-api.ts'
import { Badge, Dot } from '../../components/badge.tsx'
import type { Columns } from '../../components/data-table.tsx'
import { age, shortImage } from '../../lib/format.ts'
import { useNow } from '../../lib/use-now.ts'
import { LinkButton } from '../../runbook-link/link-button.tsx'
import { stateTone } from '../../lib/target-status.ts'
import { ageColumn, environmentColumn, Locked, NameLink, Warnings } from './target-cells.tsx'
import { allLabels, labelsInWords, withoutAge } from './container-words.ts'
import './target-columns.css'

/** What a Docker container's row shows. Constant: a renderer that changes would mount every cell anew. */
export const targetColumns: Columns<Target> = [
  {
    id: 'name',
    accessorFn: (row) => row.name,
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
    id: 'image',
    accessorFn: (row) => row.image,
    header: 'Image',
    cell: ({ row }) => <ImageName image={row.original.image} />,
  },
  {
    id: 'ports',
    accessorFn: (row) => row.ports.join(', '),
    header: 'Ports',
    enableSorting: false,
    cell: ({ row: { original } }) => (
      <span className="mono muted cut" title={original.ports.join('\n')}>
        {original.ports.length === 0 ? '—' : original.ports.join(', ')}
      </span>
    ),
  },
  {
    id: 'labels',
    accessorFn: (row) => labelsInWords(row.labels),
    header: 'Labels',
    enableSorting: false,
    cell: ({ row: { original } }) => (
      <span className="mono muted cut" title={allLabels(original.labels)}>
        {labelsInWords(original.labels)}
      </span>
    ),
  },
  {
    id: 'user',
    accessorFn: (row) => row.user ?? '',
    header: 'User',
    enableSorting: false,
    cell: ({ row }) => <span className="mono muted">{row.original.user ?? '—'}</span>,
  },
  {
    id: 'shell',
    accessorFn: (row) => row.hasShell ?? false,
    header: 'Shell',
    enableSorting: false,
    cell: ({ row }) => <Shell hasShell={row.original.hasShell} />,
  },
  ageColumn,
]

/** The same where there are several environments. */
export const targetColumnsOfMany: Columns<Target> = [...targetColumns, environmentColumn]

function Name({ target }: { target: Target }) {
  const now = useNow(10_000)
  return (
    <div className="name-cell">
      <div className="name-line">
        <NameLink target={target} />
        {target.canOpen ? null : <Locked />}
        <Warnings warnings={target.warnings} name={target.name} />
        <LinkButton reference={target.ref} name={target.name} />
      </div>
      <div className="sub-line narrow-only">
        {target.state === 'running' ? null : <span>{target.status}</span>}
        <span className="mono cut">{shortImage(target.image)}</span>
        <span>{age(target.startedAt ?? target.createdAt, now)}</span>
      </div>
    </div>
  )
}

function State({ target }: { target: Target }) {
  return (
    <span className="state-cell" title={target.status}>
      <Dot tone={target.status.includes('(unhealthy)') ? 'bad' : stateTone[target.state]} />
      <span className="cut">{target.status === '' ? target.state : withoutAge(target.status)}</span>
    </span>
  )
}

/** In a narrow column the registry gives way before the name and tag do. */
function ImageName({ image }: { image: string }) {
  const name = image.split('/').at(-1) ?? image
  return (
    <span className="image-name mono muted" title={image}>
      <span className="image-registry">{image.slice(0, image.length - name.length)}</span>
      <span className="cut">{name}</span>
    </span>
  )
}

function Shell({ hasShell }: { hasShell: boolean | undefined }) {
  if (hasShell === undefined) {
    return (
      <span className="faint" title="Not found out yet">
        unknown
      </span>
    )
  }
  return hasShell ? <span className="muted">yes</span> : <Badge tone="accent">no shell</Badge>
}
