import {
  createSortedRowModel,
  FlexRender,
  rowSortingFeature,
  sortFn_alphanumeric,
  sortFn_text,
  tableFeatures,
  useTable,
  type ColumnDef,
  type Row,
  type RowData,
  type SortingState,
} from '@tanstack/react-table'
import { Fragment, memo, useEffect, useRef } from 'react'
import { useRowKeys } from './use-row-keys.ts'
import { useVirtualRows, type VirtualRows } from './use-virtual-rows.ts'
import './data-table.css'

const features = tableFeatures({
  rowSortingFeature,
  sortedRowModel: createSortedRowModel(),
  sortFns: { alphanumeric: sortFn_alphanumeric, text: sortFn_text },
})

export type Columns<T extends RowData> = ColumnDef<typeof features, T>[]

interface DataTableProps<T extends RowData> {
  label: string
  columns: Columns<T>
  rows: T[]
  rowId: (row: T) => string
  /** A class for a row that stands out, or back. */
  rowMark?: (row: T) => string | undefined
  /** What shows is the answer to an earlier question. */
  isBusy?: boolean
  sorting?: SortingState
  onSortingChange?: (sorting: SortingState) => void
  /** The rows come in the order that `sorting` says. */
  isSorted?: boolean
  /** How many rows there are in all, where only the first of them are here. */
  total?: number
  /** Called while somebody looks at where rows are that are not here yet. */
  onMore?: (() => void) | undefined
}

/**
 * A dense, plain `<table>`, of which no more is drawn than can be seen when it is long. Each row's first link is where the row
 * leads: arrows and j/k move between those links, Enter follows, and a click anywhere in the row does the same.
 */
export function DataTable<T extends RowData>(props: DataTableProps<T>) {
  const { label, columns, rows, rowId, rowMark, isBusy, sorting, onSortingChange, isSorted = false } = props
  const total = Math.max(props.total ?? 0, rows.length)
  const body = useRef<HTMLTableSectionElement>(null)
  const { drawn, gapBehind, measure, reveal } = useVirtualRows(body, total)
  const table = useTable({
    features,
    columns,
    data: rows,
    getRowId: rowId,
    enableSorting: onSortingChange !== undefined,
    enableSortingRemoval: true,
    manualSorting: isSorted,
    state: { sorting: sorting ?? none },
    onSortingChange: (update) => {
      onSortingChange?.(typeof update === 'function' ? update(sorting ?? none) : update)
      // What comes first in the new order is what was asked for.
      reveal(0)
    },
  })
  useRowKeys(body, { count: total, reveal })
  const isBehind = drawn.some(({ index }) => index >= rows.length)
  const { onMore } = props
  useEffect(() => {
    if (isBehind) onMore?.()
  }, [isBehind, onMore])
  const ordered = table.getRowModel().rows
  return (
    <div className="table-frame">
      <table aria-label={label} aria-busy={isBusy || undefined} aria-rowcount={total + 1}>
        <thead>
          {table.getHeaderGroups().map((group) => (
            <tr key={group.id} aria-rowindex={1}>
              {group.headers.map((header) => {
                const sorted = header.column.getIsSorted()
                return (
                  <th
                    key={header.id}
                    scope="col"
                    className={`c-${header.column.id}`}
                    aria-sort={sorted === false ? undefined : sorted === 'asc' ? 'ascending' : 'descending'}
                  >
                    {header.column.getCanSort() ? (
                      // oxlint-disable-next-line jsx-a11y/control-has-associated-label -- its words come from the column
                      <button
                        type="button"
                        className="sort"
                        onClick={header.column.getToggleSortingHandler()}
                      >
                        <FlexRender header={header} />
                        <span className={`sort-mark ${sorted === false ? '' : sorted}`} aria-hidden="true" />
                      </button>
                    ) : (
                      <FlexRender header={header} />
                    )}
                  </th>
                )
              })}
            </tr>
          ))}
        </thead>
        <tbody ref={body}>
          {drawn.map(({ index, gap }) => {
            const row = ordered[index]
            return (
              <Fragment key={row?.id ?? `row ${index}`}>
                <Gap height={gap} columns={columns.length} />
                {row === undefined ? (
                  <Awaited index={index} columns={columns.length} measure={measure} />
                ) : (
                  <TableRow
                    row={row}
                    index={index}
                    measure={measure}
                    data={row.original}
                    columns={columns}
                    className={rowMark?.(row.original)}
                  />
                )}
              </Fragment>
            )
          })}
          <Gap height={gapBehind} columns={columns.length} />
        </tbody>
      </table>
    </div>
  )
}

type Measure = VirtualRows['measure']

interface TableRowProps<T extends RowData> {
  row: Row<typeof features, T>
  index: number
  measure: Measure
  data: T
  columns: Columns<T>
  className: string | undefined
}

function PlainRow<T extends RowData>({ row, index, measure, className }: TableRowProps<T>) {
  return (
    // Behind the head, which is the first.
    <tr ref={measure} className={className} data-index={index} aria-rowindex={index + 2}>
      {row.getAllCells().map((cell) => (
        // oxlint-disable-next-line jsx-a11y/control-has-associated-label -- see above
        <td key={cell.id} className={`c-${cell.column.id}`}>
          <FlexRender cell={cell} />
        </td>
      ))}
    </tr>
  )
}

/** Drawn anew only when its own data has changed: a poll of a long list changes few rows. */
const TableRow = memo(
  PlainRow,
  (old, next) =>
    old.data === next.data &&
    old.index === next.index &&
    old.measure === next.measure &&
    old.columns === next.columns &&
    old.className === next.className,
) as typeof PlainRow

/** In the place of a row that is on its way. */
function Awaited({ index, columns, measure }: { index: number; columns: number; measure: Measure }) {
  return (
    <tr ref={measure} className="awaited" data-index={index} aria-rowindex={index + 2}>
      <td colSpan={columns}>
        <span className="visually-hidden">Loading</span>
      </td>
    </tr>
  )
}

/** In the place of rows that are not drawn. */
function Gap({ height, columns }: { height: number; columns: number }) {
  if (height === 0) return null
  return (
    <tr className="gap" aria-hidden="true">
      {/* oxlint-disable-next-line jsx-a11y/control-has-associated-label -- there is nothing in it */}
      <td colSpan={columns} style={{ height }} />
    </tr>
  )
}

const none: SortingState = []
