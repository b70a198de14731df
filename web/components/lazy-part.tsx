import { Component, lazy, Suspense, useState, type ComponentType, type ReactNode } from 'react'
import { restyle } from '../lib/lost-code.ts'
import { LostPart } from './lost-part.tsx'

interface PartOptions<Props> {
  /** In its place until its code is here. */
  waiting?: ReactNode
  /** Of a layer over the page: takes it away. */
  close?: (props: Props) => void
}

/**
 * A part of the app whose code comes when it is first shown. When the code does not come, or the part breaks, that part alone
 * says so and offers to try again; everything beside it stays, live terminals above all.
 */
export function lazyPart<Props extends object>(
  load: () => Promise<ComponentType<Props>>,
  { waiting, close }: PartOptions<Props> = {},
): ComponentType<Props> {
  // `lazy` keeps a failure for good, so each attempt has its own.
  const attempt = (after?: unknown) =>
    lazy(async () => {
      await restyle(after)
      return { default: await load() }
    })
  const present = { Loaded: attempt() }
  return function Part(props: Props) {
    const [attempts, setAttempts] = useState(0)
    const { Loaded } = present
    return (
      <PartBoundary
        key={attempts}
        onRetry={(error) => {
          present.Loaded = attempt(error)
          setAttempts(attempts + 1)
        }}
        onClose={close === undefined ? undefined : () => close(props)}
      >
        <Suspense fallback={waiting}>
          <Loaded {...props} />
        </Suspense>
      </PartBoundary>
    )
  }
}

interface BoundaryProps {
  onRetry: (error: unknown) => void
  onClose: (() => void) | undefined
  children: ReactNode
}

class PartBoundary extends Component<BoundaryProps, { error?: unknown }> {
  override state: { error?: unknown } = {}

  static getDerivedStateFromError(error: unknown): { error: unknown } {
    return { error }
  }

  override render(): ReactNode {
    const { error } = this.state
    const { onRetry, onClose, children } = this.props
    if (error === undefined) return children
    return <LostPart error={error} onRetry={() => onRetry(error)} onClose={onClose} />
  }
}
