import { useState } from 'react'
import { CheckIcon, CopyIcon } from './icons.tsx'
import { toast } from './toasts.tsx'

/** Copies `text`; `label` names what it is. */
export function CopyButton({ text, label }: { text: string; label: string }) {
  const [isCopied, setIsCopied] = useState(false)
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text)
      setIsCopied(true)
      setTimeout(() => setIsCopied(false), 1500)
    } catch {
      toast('warn', 'Not copied', 'The browser refused access to the clipboard.')
    }
  }
  return (
    <button
      type="button"
      className="icon-button small"
      aria-label={`Copy ${label}`}
      title={`Copy ${label}`}
      onClick={copy}
    >
      {isCopied ? <CheckIcon /> : <CopyIcon />}
    </button>
  )
}
