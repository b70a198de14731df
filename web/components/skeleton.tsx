import './skeleton.css'

interface SkeletonProps {
  /** For those who do not see the bars. */
  label: string
  rows?: number
  /** Of the page, where nothing else of it is there yet. */
  title?: string
}

/** Grey bars in the place of what comes. */
export function Skeleton({ label, rows = 6, title }: SkeletonProps) {
  const bars = (
    <output className="skeleton" aria-label={label}>
      {Array.from({ length: rows }, (_, index) => (
        <span key={index} className="skeleton-row" style={{ '--at': index } as React.CSSProperties}>
          <span />
          <span />
          <span />
        </span>
      ))}
    </output>
  )
  if (title === undefined) return bars
  return (
    <>
      <h1 className="visually-hidden">{title}</h1>
      {bars}
    </>
  )
}
