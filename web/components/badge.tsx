import type { ReactNode } from 'react'
import type { Tone } from '../lib/tone.ts'
import './badge.css'

export function Badge({
  tone = 'neutral',
  title,
  children,
}: {
  tone?: Tone
  title?: string
  children: ReactNode
}) {
  return (
    <span className={`badge ${tone}`} title={title}>
      {children}
    </span>
  )
}

/** A dot never stands alone: words follow it, because colour is not enough. */
export function Dot({ tone = 'neutral', isLive = false }: { tone?: Tone; isLive?: boolean }) {
  return <span className={`dot ${tone}${isLive ? ' live' : ''}`} aria-hidden="true" />
}
