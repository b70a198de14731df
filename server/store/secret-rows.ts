import type { Kysely } from 'kysely'
import type { Database } from './tables.ts'

/** Of several callers at once one makes the value, and all get it. */
export async function readOrInsertSecret(
  database: Kysely<Database>,
  name: string,
  create: () => string,
): Promise<string> {
  const read = () =>
    database.selectFrom('secrets').select('value').where('name', '=', name).executeTakeFirst()
  const known = await read()
  if (known !== undefined) return known.value
  await database
    .insertInto('secrets')
    .values({ name, value: create() })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .execute()
  const made = await read()
  if (made === undefined) throw new Error(`the secret ${name} disappeared`)
  return made.value
}
