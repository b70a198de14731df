import { Component, type ReactNode } from 'react'
import { ApiError } from '../api-error.ts'
import { ErrorPanel } from './error-panel.tsx'

/** One broken page must not take the others along. Reset by a new `key`. */
export class ErrorBoundary extends Component<{ children: ReactNode }, { error?: unknown }> {
  override state: { error?: unknown } = {}

  static getDerivedStateFromError(error: unknown): { error: unknown } {
    return { error }
  }

  override render(): ReactNode {
    if (this.state.error === undefined) return this.props.children
    return <ErrorPanel error={readable(this.state.error)} onRetry={() => location.reload()} />
  }
}

function readable(error: unknown): unknown {
  // A lazily loaded part whose file is gone: the gateway was updated under an open tab.
  if (!(error instanceof TypeError) || !/import|module/i.test(error.message)) return error
  return new ApiError({
    status: 0,
    code: 'page_outdated',
    title: 'This part of the page could not be loaded',
    detail: 'The gateway may have been updated since this tab was opened. Loading the page again helps.',
  })
}
