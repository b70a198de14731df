import { Dialog as Base } from '@base-ui/react/dialog'
import type { ReactNode } from 'react'
import './dialog.css'

interface DialogProps {
  isOpen: boolean
  /** Absent for a dialog that only its own action can close. */
  onClose?: () => void
  /** Room for more than a question. */
  isWide?: boolean
  title: string
  description?: ReactNode
  /** Where the focus goes afterwards; without an element, back to where it came from. */
  focusAfter?: () => HTMLElement | null
  children: ReactNode
}

export function Dialog(props: DialogProps) {
  const { isOpen, onClose, isWide = false, title, description, focusAfter, children } = props
  return (
    <Base.Root
      open={isOpen}
      disablePointerDismissal={onClose === undefined}
      onOpenChange={(open) => {
        if (!open) onClose?.()
      }}
    >
      <Base.Portal>
        <Base.Backdrop className="backdrop" />
        <Base.Viewport className="dialog-viewport">
          <Base.Popup
            className={isWide ? 'popup dialog wide' : 'popup dialog'}
            {...(focusAfter === undefined ? {} : { finalFocus: () => focusAfter() ?? true })}
          >
            <Base.Title className="dialog-title">{title}</Base.Title>
            {description === undefined ? null : (
              <Base.Description className="dialog-words" render={<div />}>
                {description}
              </Base.Description>
            )}
            {children}
          </Base.Popup>
        </Base.Viewport>
      </Base.Portal>
    </Base.Root>
  )
}
