import { CopyButton } from './copy-button.tsx'
import './problem-facts.css'

/** What somebody needs to find a refused sign-in in the gateway's log. */
export function ProblemFacts({ code, request }: { code: string; request: string | undefined }) {
  return (
    <p className="problem-facts">
      <span>
        Code <code>{code}</code>
      </span>
      {request === undefined ? null : (
        <span>
          Request <code>{request}</code>
          <CopyButton text={`${code} ${request}`} label="code and request id" />
        </span>
      )}
    </p>
  )
}
