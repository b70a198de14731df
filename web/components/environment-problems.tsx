import { asApiError } from '../lib/api-error.ts'
import { Button } from './button.tsx'
import { WarningIcon } from './icons.tsx'

interface EnvironmentProblemsProps {
  problems: readonly { environment: string; detail: string; partial?: boolean | undefined }[]
  /** The last refresh failed; what shows is older. */
  error: Error | null
  onRetry: () => void
}

/** What is missing from the list, and why: an absent target must never look like a stopped one. */
export function EnvironmentProblems({ problems, error, onRetry }: EnvironmentProblemsProps) {
  return (
    <>
      {error === null ? null : (
        <div className="banner" data-tone="bad" role="alert">
          <WarningIcon />
          <div>
            <strong>This list is no longer fresh.</strong> {asApiError(error).message}
          </div>
          <Button kind="quiet" onClick={onRetry}>
            Try again
          </Button>
        </div>
      )}
      {problems.map((problem) => (
        <div
          key={`${problem.environment} ${problem.detail}`}
          className="banner"
          data-tone="warn"
          role="alert"
        >
          <WarningIcon />
          <div>
            <strong>
              {problem.partial === true ? 'Some targets' : 'Targets'} of{' '}
              <span className="mono">{problem.environment}</span>{' '}
              {problem.partial === true ? 'may be missing or old.' : 'are missing.'}
            </strong>
            <ProblemLines detail={problem.detail} />
          </div>
        </div>
      ))}
    </>
  )
}

/** One line of the gateway's is a sentence; several are a list. */
function ProblemLines({ detail }: { detail: string }) {
  const lines = detail.split('\n')
  if (lines.length === 1) return <> {detail}</>
  return (
    <ul className="banner-list">
      {lines.map((line) => (
        <li key={line}>{line}</li>
      ))}
    </ul>
  )
}
