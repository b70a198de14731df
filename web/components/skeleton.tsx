/** Grey bars in the place of what comes. `label` is for those who do not see them. */
export function Skeleton({ label, rows = 6 }: { label: string; rows?: number }) {
  return (
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
}
