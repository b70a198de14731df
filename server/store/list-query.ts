import {
  type ExpressionBuilder,
  type ExpressionWrapper,
  type RawBuilder,
  type SqlBool,
  type StringReference,
  sql,
} from 'kysely'
import { HatchwayError } from '../core/errors.ts'

/** Where the next page goes on: after the row with this time and id. */
export interface Position {
  time: number
  id: string
}

export function encodeCursor(position: Position): string {
  return Buffer.from(JSON.stringify([position.time, position.id])).toString('base64url')
}

/** Throws `invalid_request` for anything that {@link encodeCursor} did not make. */
export function decodeCursor(cursor: string): Position {
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
    if (Array.isArray(value) && value.length === 2) {
      const [time, id]: unknown[] = value
      if (Number.isSafeInteger(time) && typeof id === 'string') return { time: time as number, id }
    }
  } catch {
    // Not JSON: answered below.
  }
  throw new HatchwayError(
    'invalid_request',
    'The cursor is not one of this list. Start again without a cursor.',
  )
}

/** Splits what was read, one row more than asked, into a page and its cursor. */
export function toPage<Row, Item>(
  rows: Row[],
  limit: number,
  toItem: (row: Row) => Item,
  positionOf: (row: Row) => Position,
): { items: Item[]; next?: string } {
  const items = rows.slice(0, limit).map(toItem)
  const last = rows[limit - 1]
  return rows.length > limit && last !== undefined
    ? { items, next: encodeCursor(positionOf(last)) }
    : { items }
}

/** Whether one of the columns contains the text, whatever its (ASCII) case. */
export function contains<Tables, Table extends keyof Tables>(
  builder: ExpressionBuilder<Tables, Table>,
  columns: readonly StringReference<Tables, Table>[],
  text: string,
): ExpressionWrapper<Tables, Table, SqlBool> {
  const pattern = `%${text.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`
  const backslash = sql.lit('\\')
  return builder.or(
    columns.map(
      (column) => sql<SqlBool>`lower(${sql.ref(column)}) like lower(${pattern}) escape ${backslash}`,
    ),
  )
}

/** Whether the row's person is vouched for by this issuer; a row of before issuers were kept may be anybody's. */
export function vouchedBy(issuer: string): RawBuilder<SqlBool> {
  const column = sql.ref('user_issuer')
  return sql<SqlBool>`(${column} = ${issuer} or ${column} is null)`
}
