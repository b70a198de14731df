import { useRef, type RefObject } from 'react'
import { Field } from '../../components/field.tsx'
import './policy-text.css'

interface PolicyTextProps {
  area: RefObject<HTMLTextAreaElement | null>
  text: string
  /** Those with problems. */
  lines: readonly number[]
  complaint: string | undefined
  onChange: (text: string) => void
  onSubmit: () => void
}

/** A text with numbered lines. Tab leaves it, as everywhere; Ctrl-Enter compares. */
export function PolicyText({ area, text, lines, complaint, onChange, onSubmit }: PolicyTextProps) {
  const numbers = useRef<HTMLPreElement>(null)
  const bad = new Set(lines)
  const count = text.split('\n').length
  return (
    <Field label="Policy file" hint="Ctrl Enter compares." error={complaint}>
      {(control) => (
        <div className="policy-text">
          <pre ref={numbers} aria-hidden="true">
            {Array.from({ length: count }, (_, index) =>
              bad.has(index + 1) ? <mark key={index}>{`${index + 1}\n`}</mark> : `${index + 1}\n`,
            )}
          </pre>
          <textarea
            {...control}
            ref={area}
            rows={14}
            wrap="off"
            spellCheck={false}
            autoComplete="off"
            autoCapitalize="off"
            placeholder={
              'rules:\n  - name: on-call may debug payments\n    who: {groups: [sre-oncall]}\n    actions: [open]\n    effect: allow'
            }
            value={text}
            onChange={(event) => onChange(event.target.value)}
            onScroll={(event) => {
              if (numbers.current !== null) numbers.current.scrollTop = event.currentTarget.scrollTop
            }}
            onKeyDown={(event) => {
              if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return
              event.preventDefault()
              onSubmit()
            }}
          />
        </div>
      )}
    </Field>
  )
}
