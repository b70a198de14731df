import { asApiError } from '../lib/api-error.ts'
import { Button } from './button.tsx'
import { CopyButton } from './copy-button.tsx'
import { WarningIcon } from './icons.tsx'
import './error-panel.css'

interface ErrorPanelProps {
  error: unknown
  /** Absent where trying again makes no sense. */
  onRetry?: (() => void) | undefined
  isRetrying?: boolean
  /** It is all that the page has: its title is the page's. */
  isPage?: boolean
}

/** Title, detail, and what somebody needs to find it in the log. */
export function ErrorPanel({ error, onRetry, isRetrying = false, isPage = false }: ErrorPanelProps) {
  const problem = asApiError(error)
  return (
    <section className="error-panel" role="alert">
      <div className="error-icon">
        <WarningIcon />
      </div>
      <div className="error-body">
        {isPage ? <h1>{problem.title}</h1> : <h2>{problem.title}</h2>}
        <p>{problem.message}</p>
        <dl className="error-facts">
          <div>
            <dt>Code</dt>
            <dd>
              <code>{problem.code}</code>
            </dd>
          </div>
          {problem.instance === undefined ? null : (
            <div>
              <dt>Request</dt>
              <dd>
                <code>{problem.instance}</code>
                <CopyButton text={problem.instance} label="request id" />
              </dd>
            </div>
          )}
        </dl>
        {onRetry === undefined ? null : (
          <Button isBusy={isRetrying} onClick={onRetry}>
            Try again
          </Button>
        )}
      </div>
    </section>
  )
}
