import { LinkIcon } from '../components/icons.tsx'
import { askForLink } from '../lib/link-request.ts'

/** In a row of a list. */
export function LinkButton({ reference, name }: { reference: string; name: string }) {
  return (
    <button
      type="button"
      className="icon-button small row-action"
      aria-label={`Copy runbook link to ${name}`}
      title="Copy runbook link"
      onClick={() => askForLink({ ref: reference })}
    >
      <LinkIcon />
    </button>
  )
}
