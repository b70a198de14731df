import type { ReactNode } from 'react'
import { CopyButton } from './copy-button.tsx'
import './panel.css'

/** Facts that belong together, under a title. */
export function Panel({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className="panel" aria-label={title}>
      <h2 className="section-title">{title}</h2>
      <dl>{children}</dl>
    </section>
  )
}

export function Row({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="fact">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}

/** A long id: cut for the eye, whole for the clipboard. */
export function Id({ text, label }: { text: string; label: string }) {
  return (
    <span className="id">
      <code className="cut" title={text}>
        {text}
      </code>
      <CopyButton text={text} label={label} />
    </span>
  )
}
