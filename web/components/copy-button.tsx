import { useState } from 'react'
import { CheckIcon, CopyIcon } from './icons.tsx'
import { toast } from './toasts.tsx'

/** Copies a text, and says for a moment that it did. */
export function useCopy(): { isCopied: boolean; copy: (text: string) => Promise<void> } {
  const [isCopied, setIsCopied] = useState(false)
  const copy = async (text: string): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text)
      setIsCopied(true)
      setTimeout(() => setIsCopied(false), 1500)
    } catch {
      toast('warn', 'Not copied', 'The browser refused access to the clipboard.')
    }
  }
  return { isCopied, copy }
}

/** Copies `text`; `label` names what it is. */
export function CopyButton({ text, label }: { text: string; label: string }) {
  const { isCopied, copy } = useCopy()
  return (
    <button
      type="button"
      className="icon-button small"
      aria-label={`Copy ${label}`}
      title={`Copy ${label}`}
      onClick={() => void copy(text)}
    >
      {isCopied ? <CheckIcon /> : <CopyIcon />}
    </button>
  )
}
