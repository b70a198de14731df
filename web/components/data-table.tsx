import {
  createSortedRowModel,
  rowSortingFeature,
  sortFn_alphanumeric,
  sortFn_text,
  tableFeatures,
  useTable,
  type ColumnDef,
  type RowData,
  type SortingState,
} from '@tanstack/react-table'
import { useRef } from 'react'
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
  isDimmed?: (row: T) => boolean
  sorting?: SortingState
  onSortingChange?: (sorting: SortingState) => void
}

/**
 * A dense, plain `<table>`. Each row's first link is where the row leads: arrows and j/k move between those links,
 * Enter follows, and a click anywhere in the row does the same.
 */
export function DataTable<T extends RowData>(props: DataTableProps<T>) {
  const { label, columns, rows, rowId, isDimmed, sorting, onSortingChange } = props
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
      <table aria-label={label}>
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
                        <table.FlexRender header={header} />
                        <span className={`sort-mark ${sorted === false ? '' : sorted}`} aria-hidden="true" />
                      </button>
                    ) : (
                      <table.FlexRender header={header} />
                    )}
                  </th>
                )
              })}
            </tr>
          ))}
        </thead>
        <tbody ref={body}>
          {table.getRowModel().rows.map((row) => (
            <tr key={row.id} className={isDimmed?.(row.original) === true ? 'dimmed' : undefined}>
              {row.getAllCells().map((cell) => (
                // oxlint-disable-next-line jsx-a11y/control-has-associated-label -- see above
                <td key={cell.id} className={`c-${cell.column.id}`}>
                  <table.FlexRender cell={cell} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

const none: SortingState = []
