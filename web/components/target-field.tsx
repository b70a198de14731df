import { Autocomplete } from '@base-ui/react/autocomplete'
import { useDeferredValue } from 'react'
import { useTargetSearch } from '../lib/queries.ts'
import { Field } from './field.tsx'
import './target-field.css'

interface TargetFieldProps {
  label: string
  hint: string
  value: string
  onChange: (ref: string) => void
}

/** A target reference, completed from the targets that the reader may see. */
export function TargetField({ label, hint, value, onChange }: TargetFieldProps) {
  const search = useTargetSearch(useDeferredValue(value.trim()))
  const refs = (search.data?.items ?? []).map(({ ref }) => ref)
  return (
    <Field label={label} hint={hint}>
      {(control) => (
        <Autocomplete.Root items={refs} filteredItems={refs} value={value} onValueChange={onChange}>
          <Autocomplete.Input
            {...control}
            type="text"
            className="mono"
            maxLength={600}
            autoCapitalize="off"
            spellCheck={false}
            placeholder="local/web-1"
          />
          <Autocomplete.Portal>
            <Autocomplete.Positioner className="layer" sideOffset={4}>
              <Autocomplete.Popup className="popup target-options">
                <Autocomplete.List>
                  {(ref: string) => (
                    <Autocomplete.Item key={ref} value={ref} className="popup-option mono">
                      {ref}
                    </Autocomplete.Item>
                  )}
                </Autocomplete.List>
              </Autocomplete.Popup>
            </Autocomplete.Positioner>
          </Autocomplete.Portal>
        </Autocomplete.Root>
      )}
    </Field>
  )
}
