import { Component, type ReactNode } from 'react'
import { LostPart } from './lost-part.tsx'

/** One broken page must not take the others along. Reset by a new `key`. */
export class ErrorBoundary extends Component<{ children: ReactNode }, { error?: unknown }> {
  override state: { error?: unknown } = {}

  static getDerivedStateFromError(error: unknown): { error: unknown } {
    return { error }
  }

  override render(): ReactNode {
    const { error } = this.state
    if (error === undefined) return this.props.children
    return <LostPart error={error} onRetry={() => this.setState({ error: undefined })} onClose={undefined} />
  }
}
