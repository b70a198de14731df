import { Toast } from '@base-ui/react/toast'
import { CrossIcon } from './icons.tsx'
import type { Tone } from '../tone.ts'

const manager = Toast.createToastManager<{ tone: Tone }>()

/** Says in passing that something happened; nothing that must be read belongs here. */
export function toast(tone: Tone, title: string, description?: string): void {
  manager.add({ title, data: { tone }, ...(description === undefined ? {} : { description }) })
}

export function Toasts() {
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
    <Toast.Root key={one.id} toast={one} className={`toast ${one.data?.tone ?? 'neutral'}`}>
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
