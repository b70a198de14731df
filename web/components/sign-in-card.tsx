import type { ReactNode } from 'react'
import { Mark } from './icons.tsx'
import { Spinner } from './spinner.tsx'
import './sign-in-card.css'

/** What a stranger sees: the name, and beneath it the way in. */
export function SignInCard({ children }: { children: ReactNode }) {
  return (
    <main className="sign-in">
      <div className="sign-in-card">
        <div className="sign-in-brand">
          <Mark size={40} />
          <h1>Hatchway</h1>
        </div>
        <p className="sign-in-line">A recorded terminal in containers that have no shell.</p>
        {children}
      </div>
    </main>
  )
}

/** While something is under way that is over in a moment; it stays unseen when the moment is short. */
export function SignInWait({ children }: { children: ReactNode }) {
  return (
    <div className="late">
      <SignInCard>
        <output className="sign-in-wait">
          <Spinner /> <span>{children}</span>
        </output>
      </SignInCard>
    </div>
  )
}
