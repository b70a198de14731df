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
import { memo, useRef } from 'react'
import { useRowKeys } from './use-row-keys.ts'

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
}

/**
 * A dense, plain `<table>`. Each row's first link is where the row leads: arrows and j/k move between those links,
 * Enter follows, and a click anywhere in the row does the same.
 */
export function DataTable<T extends RowData>(props: DataTableProps<T>) {
  const { label, columns, rows, rowId, rowMark, isBusy, sorting, onSortingChange } = props
  const body = useRef<HTMLTableSectionElement>(null)
  const table = useTable({
    features,
    columns,
    data: rows,
    getRowId: rowId,
    enableSorting: onSortingChange !== undefined,
    enableSortingRemoval: true,
    state: { sorting: sorting ?? none },
    onSortingChange: (update) =>
      onSortingChange?.(typeof update === 'function' ? update(sorting ?? none) : update),
  })
  useRowKeys(body)
  return (
    <div className="table-frame">
      <table aria-label={label} aria-busy={isBusy || undefined}>
        <thead>
          {table.getHeaderGroups().map((group) => (
            <tr key={group.id}>
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
          {table.getRowModel().rows.map((row) => (
            <TableRow
              key={row.id}
              row={row}
              data={row.original}
              columns={columns}
              className={rowMark?.(row.original)}
            />
          ))}
        </tbody>
      </table>
    </div>
  )
}

interface TableRowProps<T extends RowData> {
  row: Row<typeof features, T>
  data: T
  columns: Columns<T>
  className: string | undefined
}

function PlainRow<T extends RowData>({ row, className }: TableRowProps<T>) {
  return (
    <tr className={className}>
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
  (old, next) => old.data === next.data && old.columns === next.columns && old.className === next.className,
) as typeof PlainRow

const none: SortingState = []
