/** Line icons on a 16 px grid, drawn in the text's colour. Decorative: the control beside them has the name. */
import type { ReactNode } from 'react'
import './icons.css'

function Icon({ children, size = 16 }: { children: ReactNode; size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.5"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      {children}
    </svg>
  )
}

export const SearchIcon = () => (
  <Icon>
    <circle cx="7" cy="7" r="4.5" />
    <path d="m10.5 10.5 3.5 3.5" />
  </Icon>
)
export const WarningIcon = () => (
  <Icon>
    <path d="M8 2.5 14.2 13.5H1.8Z" />
    <path d="M8 6.5v3.2M8 11.6v.1" />
  </Icon>
)
export const LinkIcon = () => (
  <Icon>
    <path d="M6.5 9.5a2.6 2.6 0 0 0 3.7 0l2.5-2.5A2.6 2.6 0 0 0 9 3.3l-.9.9" />
    <path d="M9.5 6.5a2.6 2.6 0 0 0-3.7 0L3.3 9A2.6 2.6 0 0 0 7 12.7l.9-.9" />
  </Icon>
)
export const CheckIcon = () => (
  <Icon>
    <path d="m3 8.5 3.2 3.2L13 4.8" />
  </Icon>
)
export const CrossIcon = () => (
  <Icon>
    <path d="m4 4 8 8M12 4l-8 8" />
  </Icon>
)
export const CopyIcon = () => (
  <Icon>
    <rect x="5.5" y="5.5" width="8" height="8" rx="1.5" />
    <path d="M10.5 5.5v-2a1 1 0 0 0-1-1h-6a1 1 0 0 0-1 1v6a1 1 0 0 0 1 1h2" />
  </Icon>
)
export const TerminalIcon = () => (
  <Icon>
    <rect x="1.75" y="2.75" width="12.5" height="10.5" rx="1.5" />
    <path d="m4.5 6 2 2-2 2M8.5 10.2h3" />
  </Icon>
)
export const PlayIcon = () => (
  <Icon>
    <path d="M5 3.2v9.6l7.5-4.8Z" />
  </Icon>
)
export const DownloadIcon = () => (
  <Icon>
    <path d="M8 2.5v7.5M4.8 7 8 10.2 11.2 7M3 13.5h10" />
  </Icon>
)
export const LockIcon = () => (
  <Icon>
    <rect x="3.5" y="7" width="9" height="6.5" rx="1.5" />
    <path d="M5.5 7V5a2.5 2.5 0 0 1 5 0v2" />
  </Icon>
)
export const ChevronIcon = () => (
  <Icon size={12}>
    <path d="m4 6 4 4 4-4" />
  </Icon>
)
export const BackIcon = () => (
  <Icon>
    <path d="M9.5 3.5 5 8l4.5 4.5" />
  </Icon>
)
export const UserIcon = () => (
  <Icon>
    <circle cx="8" cy="5.5" r="2.75" />
    <path d="M2.8 13.8c.6-2.6 2.6-4 5.2-4s4.6 1.4 5.2 4" />
  </Icon>
)
export const BoxIcon = () => (
  <Icon size={32}>
    <path d="M2.5 5 8 2.2 13.5 5v6L8 13.8 2.5 11Z" strokeWidth="0.75" />
    <path d="M2.5 5 8 7.8 13.5 5M8 7.8v6" strokeWidth="0.75" />
  </Icon>
)

/** The product's mark: a door that stands ajar, a prompt behind it. */
export function Mark({ size = 22 }: { size?: number }) {
  return (
    <svg
      className="mark"
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      aria-hidden="true"
      focusable="false"
    >
      <rect x="3.75" y="2.75" width="16.5" height="18.5" rx="2.25" stroke="currentColor" strokeWidth="1.5" />
      <path d="M4 3.4 12.4 6.2v15.2L4 20.6Z" fill="currentColor" />
      <path d="M14.8 16.6h3" stroke="currentColor" strokeWidth="1.6" strokeLinecap="round" />
      <circle cx="10.3" cy="13.8" r="1" className="mark-knob" />
    </svg>
  )
}
