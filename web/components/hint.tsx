import { Popover } from '@base-ui/react/popover'
import type { ReactNode } from 'react'
import './hint.css'

interface HintProps {
  /** The accessible name of the trigger. */
  label: string
  trigger: ReactNode
  className?: string
  children: ReactNode
}

/** More words on hover, focus and tap: a popover, because a tooltip does not exist on a phone. */
export function Hint({ label, trigger, className = 'hint-trigger', children }: HintProps) {
  return (
    <Popover.Root>
      <Popover.Trigger openOnHover delay={150} className={className} aria-label={label}>
        {trigger}
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Positioner sideOffset={6} collisionPadding={8} className="layer">
          <Popover.Popup className="popup hint" initialFocus={false} aria-label={label}>
            {children}
          </Popover.Popup>
        </Popover.Positioner>
      </Popover.Portal>
    </Popover.Root>
  )
}
