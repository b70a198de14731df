import { WarningIcon } from '../../components/icons.tsx'
import { useEnvironments } from '../../lib/queries.ts'

/** What an environment that answers cannot tell or has not heard of lately: what was resolved there may be old. */
export function PlaceNotices({ environment }: { environment: string }) {
  const notices = useEnvironments().data?.items.find(({ id }) => id === environment)?.notices ?? []
  return notices.map((notice) => (
    <div key={notice} className="banner" data-tone="warn">
      <WarningIcon />
      <div>
        <strong>
          <span className="mono">{environment}</span> may not show everything, or show what was.
        </strong>{' '}
        {notice}
      </div>
    </div>
  ))
}
