import { Toast } from '@base-ui/react/toast'
import { useEffect } from 'react'
import { CrossIcon } from './icons.tsx'
import type { Tone } from '../lib/tone.ts'
import './toasts.css'

const manager = Toast.createToastManager<{ tone: Tone }>()

/** Says in passing that something happened; nothing that must be read belongs here. */
export function toast(tone: Tone, title: string, description?: string): void {
  manager.add({ title, data: { tone }, ...(description === undefined ? {} : { description }) })
}

/** F6 leads through the workspace. Base UI, which listens at the window, would take it to the toasts instead: Tab comes there too. */
function keepRegionKey(event: KeyboardEvent): void {
  if (event.key === 'F6') event.stopPropagation()
}

export function Toasts() {
  useEffect(() => {
    document.addEventListener('keydown', keepRegionKey)
    return () => document.removeEventListener('keydown', keepRegionKey)
  }, [])
  return (
    <Toast.Provider toastManager={manager} limit={3}>
      <Toast.Portal>
        <Toast.Viewport className="toasts">
          <List />
        </Toast.Viewport>
      </Toast.Portal>
    </Toast.Provider>
  )
}

function List() {
  const { toasts } = Toast.useToastManager<{ tone: Tone }>()
  return toasts.map((one) => (
    <Toast.Root key={one.id} toast={one} className="toast" data-tone={one.data?.tone}>
      <Toast.Content className="toast-content">
        <Toast.Title className="toast-title" />
        <Toast.Description className="toast-words" />
      </Toast.Content>
      <Toast.Close className="icon-button small" aria-label="Dismiss">
        <CrossIcon />
      </Toast.Close>
    </Toast.Root>
  ))
}
