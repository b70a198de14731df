import type { ComponentProps, ReactNode } from 'react'
import { Link } from 'wouter'
import { Spinner } from './spinner.tsx'
import './button.css'

type Kind = 'primary' | 'plain' | 'danger' | 'quiet'

interface ButtonProps extends Omit<ComponentProps<'button'>, 'className'> {
  kind?: Kind
  isBusy?: boolean
  children: ReactNode
}

/** A busy button keeps its width and its focus, and ignores clicks. */
export function Button({
  kind = 'plain',
  isBusy = false,
  type = 'button',
  onClick,
  children,
  ...rest
}: ButtonProps) {
  return (
    <button
      {...rest}
      type={type === 'submit' ? 'submit' : 'button'}
      className={`button ${kind}`}
      aria-busy={isBusy || undefined}
      onClick={(event) => {
        if (isBusy) event.preventDefault()
        else onClick?.(event)
      }}
    >
      <span className="button-words">{children}</span>
      {isBusy ? <Spinner /> : null}
    </button>
  )
}

/** Looks like a button, goes somewhere. */
export function ButtonLink({
  kind = 'plain',
  href,
  children,
}: {
  kind?: Kind
  href: string
  children: ReactNode
}) {
  return (
    <Link href={href} className={`button ${kind}`}>
      <span className="button-words">{children}</span>
    </Link>
  )
}
