import { type RawBuilder, sql, type SqlBool } from 'kysely'
import type { PolicyPlace } from '../core/policy.ts'
import type { SessionQuery } from '../core/session-store.ts'
import { vouchedBy } from './list-query.ts'

/** Rows that are somebody's own, or in one of the places. Finds rather too many: policy judges what is found. */
export function isWithin({ own, places }: NonNullable<SessionQuery['within']>): RawBuilder<SqlBool> {
  const vouched = own.issuer === undefined ? sql<SqlBool>`1 = 1` : vouchedBy(own.issuer)
  const isOwn = sql<SqlBool>`(user_subject = ${own.subject} and ${vouched})`
  return sql<SqlBool>`(${sql.join([isOwn, ...places.map(isAt)], sql` or `)})`
}

function isAt({ environments, namespaces, names }: PolicyPlace): RawBuilder<SqlBool> {
  return all([
    ...(environments === undefined
      ? []
      : [any(environments.map((each) => like('target_environment', each)))]),
    ...(namespaces === undefined ? [] : [any(namespaces.map((each) => like('target_namespace', each)))]),
    // All names of a target in a cluster are one JSON text.
    ...(names === undefined
      ? []
      : [any(names.flatMap((each) => [like('target_name', each), like('target_names', `*${each}*`)]))]),
  ])
}

function all(parts: readonly RawBuilder<SqlBool>[]): RawBuilder<SqlBool> {
  return sql<SqlBool>`(${sql.join(parts, sql` and `)})`
}

function any(parts: readonly RawBuilder<SqlBool>[]): RawBuilder<SqlBool> {
  return sql<SqlBool>`(${sql.join(parts, sql` or `)})`
}

/** `?` is one UTF-16 unit in a rule and would be one character here: it becomes any text. */
function like(column: string, glob: string): RawBuilder<SqlBool> {
  const pattern = glob.replaceAll(/[\\%_]/g, String.raw`\$&`).replaceAll(/[*?]+/g, '%')
  return sql<SqlBool>`${sql.ref(column)} like ${pattern} escape ${sql.lit('\\')}`
}
