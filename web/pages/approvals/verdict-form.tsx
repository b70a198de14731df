import { useMutation } from '@tanstack/react-query'
import { useRef, useState } from 'react'
import { Button } from '../../components/button.tsx'
import { ErrorPanel } from '../../components/error-panel.tsx'
import { Field } from '../../components/field.tsx'
import { queryClient } from '../../lib/queries.ts'

export interface Verdict {
  word: string
  /** For screen readers, which may come to the button without what is above it. Begins with `word`. */
  label: string
  kind: 'primary' | 'danger'
  /** What is said when the reason is missing; absent where none is needed. */
  needsReason?: string
  send: (reason: string) => Promise<unknown>
}

/** One reason, and a button per verdict. Nothing is sent by Enter. */
export function VerdictForm({ verdicts, hint }: { verdicts: readonly Verdict[]; hint: string }) {
  const reason = useRef<HTMLInputElement>(null)
  const [missing, setMissing] = useState<string>()
  const send = useMutation({
    mutationFn: (verdict: Verdict) => verdict.send(reason.current?.value.trim() ?? ''),
    onSuccess: () => queryClient.invalidateQueries(),
  })
  const choose = (verdict: Verdict): void => {
    const isMissing = verdict.needsReason !== undefined && (reason.current?.value ?? '').trim() === ''
    setMissing(isMissing ? verdict.needsReason : undefined)
    if (isMissing) reason.current?.focus()
    else send.mutate(verdict)
  }
  return (
    <div className="stack">
      <Field label="Your reason" hint={hint} error={missing}>
        {(control) => <input {...control} ref={reason} type="text" maxLength={500} autoComplete="off" />}
      </Field>
      {send.error === null ? null : <ErrorPanel error={send.error} />}
      <div className="actions">
        {verdicts.map((verdict) => (
          <Button
            key={verdict.word}
            kind={verdict.kind}
            aria-label={verdict.label}
            isBusy={send.isPending && send.variables.word === verdict.word}
            disabled={send.isPending && send.variables.word !== verdict.word}
            onClick={() => choose(verdict)}
          >
            {verdict.word}
          </Button>
        ))}
      </div>
    </div>
  )
}
