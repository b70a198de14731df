import type { ReactNode } from 'react'
import './empty-state.css'

interface EmptyStateProps {
  title: string
  /** It is all that the page has: its title is the page's. */
  isPage?: boolean
  icon?: ReactNode
  children?: ReactNode
  actions?: ReactNode
}

/** Nothing to show, why that is, and what to do next. */
export function EmptyState({ title, isPage = false, icon, children, actions }: EmptyStateProps) {
  return (
    <section className="empty-state">
      {icon === undefined ? null : <div className="empty-icon">{icon}</div>}
      {isPage ? <h1>{title}</h1> : <h2>{title}</h2>}
      {children === undefined ? null : <div className="empty-words">{children}</div>}
      {actions === undefined ? null : <div className="actions middle">{actions}</div>}
    </section>
  )
}
