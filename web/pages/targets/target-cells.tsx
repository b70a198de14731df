/** Cells and columns that rows of containers and of pods have in common. */
import { Link } from 'wouter'
import type { Target } from '../../../server/protocol/target-api.ts'
import { refPath } from '../../lib/api.ts'
import { Badge } from '../../components/badge.tsx'
import type { Columns } from '../../components/data-table.tsx'
import { Hint } from '../../components/hint.tsx'
import { LockIcon, WarningIcon } from '../../components/icons.tsx'
import { age, moment } from '../../lib/format.ts'
import { useNow } from '../../lib/use-now.ts'

/** The row's own link. A namespace steps back behind the name. */
export function NameLink({ target }: { target: Target }) {
  return (
    <Link
      href={`/debug/${refPath(target.ref)}`}
      data-row-link=""
      className="mono strong cut"
      title={target.ref}
    >
      {target.namespace === undefined ? null : <span className="name-space">{target.namespace}/</span>}
      {target.name}
    </Link>
  )
}

export function Locked() {
  return (
    <span className="faint" title="Policy does not let you open it">
      <LockIcon />
      <span className="visually-hidden">Policy does not let you open it</span>
    </span>
  )
}

export function Warnings({ warnings, name }: { warnings: readonly string[]; name: string }) {
  if (warnings.length === 0) return null
  return (
    <Hint
      label={`${warnings.length} ${warnings.length === 1 ? 'warning' : 'warnings'} about ${name}: ${warnings.join(' ')}`}
      trigger={
        <Badge tone="warn">
          <WarningIcon />
          {warnings.length}
        </Badge>
      }
    >
      <ul className="plain-list">
        {warnings.map((warning) => (
          <li key={warning}>{warning}</li>
        ))}
      </ul>
    </Hint>
  )
}

function Age({ target }: { target: Target }) {
  const now = useNow(10_000)
  const since = target.startedAt ?? target.createdAt
  const title = `${target.startedAt === undefined ? 'Created' : 'Started'} ${moment(since)}`
  return (
    <time dateTime={since} title={title} className="number muted">
      {age(since, now)}
    </time>
  )
}

export const ageColumn: Columns<Target>[number] = {
  id: 'age',
  // Ascending age is the youngest first.
  accessorFn: (row) => -Date.parse(row.startedAt ?? row.createdAt),
  header: 'Age',
  cell: ({ row }) => <Age target={row.original} />,
}

/** Where there are several. */
export const environmentColumn: Columns<Target>[number] = {
  id: 'environment',
  accessorFn: (row) => row.environment,
  header: 'Environment',
  cell: ({ row }) => (
    <span className="mono muted cut" title={row.original.environment}>
      {row.original.environment}
    </span>
  ),
}
