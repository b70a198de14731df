import { type ColumnDefinitionBuilder, type Kysely, sql } from 'kysely'
import { Migrator, type Migration } from 'kysely/migration'
import { HatchwayError, messageOf } from '../core/errors.ts'
import type { Database } from './tables.ts'

// Applied in the order of their names; one that was released is never changed.
const migrations: Record<string, Migration> = {
  '0001-first': { up: createFirstTables },
  '0002-clusters': { up: addClusterColumns },
  '0003-approvals': { up: addApprovalColumns },
  '0004-provider-logins': { up: addProviderLogins },
  '0005-runs': { up: addRunColumn },
  '0006-people': { up: addAuditIssuer },
  '0007-directories': { up: addDirectoryColumn },
  '0008-scopes': { up: addNetworkOnly },
  '0009-exclusive': { up: addExclusive },
  '0010-processes': { up: addProcess },
  '0011-versions': { up: addVersion },
  '0012-leases': { up: addLeases },
  '0013-kinds': { up: addKind },
}

/** Brings the schema up to date. Throws `store_unavailable`, also for a database of a newer Hatchway. */
export async function migrate(database: Kysely<Database>): Promise<void> {
  const migrator = new Migrator({ db: database, provider: { getMigrations: async () => migrations } })
  const { error } = await migrator.migrateToLatest()
  if (error === undefined) return
  if (error instanceof HatchwayError) throw error
  const detail = `The store's tables cannot be brought up to date: ${messageOf(error)}. A data directory of a newer Hatchway needs that version.`
  throw new HatchwayError('store_unavailable', detail, { cause: error })
}

async function createFirstTables(database: Kysely<Database>): Promise<void> {
  await createSessions(database)
  await createAuditEvents(database)
  await database.schema
    .createTable('logins')
    .addColumn('id_hash', 'text', (column) => column.primaryKey().notNull())
    .addColumn('principal', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .execute()
  await database.schema.createIndex('logins_expiry').on('logins').column('expires_at').execute()
}

/** What sessions in a cluster keep: the names that rules speak of, the groups to act with, whether it is a copy. */
async function addClusterColumns(database: Kysely<Database>): Promise<void> {
  // One column a statement: SQLite adds no more.
  await database.schema.alterTable('sessions').addColumn('target_names', 'text').execute()
  await database.schema.alterTable('sessions').addColumn('user_groups', 'text').execute()
  await database.schema.alterTable('sessions').addColumn('copy', 'integer').execute()
}

/** What a request waits with, and what became of it. `review` is for finding the reviews that are still to come. */
async function addApprovalColumns(database: Kysely<Database>): Promise<void> {
  for (const name of [
    'approval',
    'break_glass',
    'review',
    'command',
    'pick',
    'user_issuer',
    'user_account',
  ]) {
    await database.schema.alterTable('sessions').addColumn(name, 'text').execute()
  }
  const index = database.schema.createIndex('sessions_review').on('sessions')
  await index.columns(['review', 'requested_at', 'id']).execute()
}

/** Browser logins of an identity provider, and all logins of one person. */
async function addProviderLogins(database: Kysely<Database>): Promise<void> {
  const texts = ['issuer', 'subject', 'provider_subject', 'provider_session', 'provider_grant']
  for (const name of texts) await database.schema.alterTable('logins').addColumn(name, 'text').execute()
  for (const name of ['good_until', 'renew_at'])
    await database.schema.alterTable('logins').addColumn(name, 'bigint').execute()
  for (const { id_hash: idHash, principal } of await database
    .selectFrom('logins')
    .select(['id_hash', 'principal'])
    .execute()) {
    const { issuer, subject } = JSON.parse(principal) as { issuer: string; subject: string }
    await database.updateTable('logins').set({ issuer, subject }).where('id_hash', '=', idHash).execute()
  }
  for (const name of ['subject', 'provider_subject'] as const)
    await database.schema.createIndex(`logins_${name}`).on('logins').columns(['issuer', name]).execute()
}

/** Whether a session is one command without a terminal. */
async function addRunColumn(database: Kysely<Database>): Promise<void> {
  await database.schema.alterTable('sessions').addColumn('run', 'integer').execute()
}

/** Where a command begins. */
async function addDirectoryColumn(database: Kysely<Database>): Promise<void> {
  await database.schema.alterTable('sessions').addColumn('cwd', 'text').execute()
}

/** Who vouches for the one who acted: a subject alone is nobody. Events of before do not say. */
async function addAuditIssuer(database: Kysely<Database>): Promise<void> {
  await database.schema.alterTable('audit_events').addColumn('user_issuer', 'text').execute()
}

/** Whether a session shares its pod's network alone. */
async function addNetworkOnly(database: Kysely<Database>): Promise<void> {
  await database.schema.alterTable('sessions').addColumn('network_only', 'integer').execute()
}

/** What a session keeps of a rule that lets one person at a time into its target. */
async function addExclusive(database: Kysely<Database>): Promise<void> {
  await database.schema.alterTable('sessions').addColumn('exclusive', 'integer').execute()
}

/** Which process of its target a session was asked for. */
async function addProcess(database: Kysely<Database>): Promise<void> {
  await database.schema.alterTable('sessions').addColumn('process', 'text').execute()
}

/** Which state a row is in, for those who change what they have read. */
async function addVersion(database: Kysely<Database>): Promise<void> {
  const count = (column: ColumnDefinitionBuilder) => column.notNull().defaultTo(1)
  await database.schema.alterTable('sessions').addColumn('version', 'integer', count).execute()
}

/** Who may do something alone, and until when. */
async function addLeases(database: Kysely<Database>): Promise<void> {
  await database.schema
    .createTable('leases')
    .addColumn('name', 'text', (column) => column.primaryKey().notNull())
    .addColumn('owner', 'text')
    .addColumn('epoch', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .execute()
}

/** Which kind of session a row is of, with a detail of its own, in place of a column for each thing that one kind has. */
async function addKind(database: Kysely<Database>): Promise<void> {
  const kind = (column: ColumnDefinitionBuilder) => column.notNull().defaultTo('terminal')
  await database.schema.alterTable('sessions').addColumn('kind', 'text', kind).execute()
  await database.schema.alterTable('sessions').addColumn('detail', 'text').execute()
  await sql`update sessions set kind = 'command' where run = 1`.execute(database)
  // One statement, whatever the number of rows. `run` and `cwd` stay, read by nobody: to drop a column rewrites the whole table, which
  // takes longer than a statement may where there are half a million rows.
  await sql`update sessions set detail = json_object('cwd', cwd) where cwd is not null`.execute(database)
}

async function createSessions(database: Kysely<Database>): Promise<void> {
  const required = [
    'state',
    'target_ref',
    'target_name',
    'target_environment',
    'target_image',
    'target_labels',
  ]
  const more = [
    'target_resolved',
    'user_subject',
    'user_name',
    'toolbox',
    'profile',
    'size',
    'recording_mode',
    'rules',
  ]
  const optional = ['target_namespace', 'identity', 'reason', 'ticket', 'ending', 'container', 'recording']
  const times = ['requested_at', 'deadline', 'idle_timeout_ms']
  let table = database.schema
    .createTable('sessions')
    .addColumn('id', 'text', (column) => column.primaryKey().notNull())
  for (const name of [...required, ...more])
    table = table.addColumn(name, 'text', (column) => column.notNull())
  for (const name of optional) table = table.addColumn(name, 'text')
  for (const name of times) table = table.addColumn(name, 'bigint', (column) => column.notNull())
  for (const name of ['started_at', 'ended_at']) table = table.addColumn(name, 'bigint')
  await table.addColumn('record_input', 'integer', (column) => column.notNull()).execute()
  const order = ['requested_at', 'id'] as const
  await database.schema
    .createIndex('sessions_time')
    .on('sessions')
    .columns([...order])
    .execute()
  for (const first of ['state', 'user_subject'] as const) {
    const index = database.schema.createIndex(`sessions_${first}`).on('sessions')
    await index.columns([first, ...order]).execute()
  }
}

async function createAuditEvents(database: Kysely<Database>): Promise<void> {
  const optional = [
    'user_subject',
    'user_name',
    'remote_address',
    'action',
    'target',
    'session_id',
    'rule',
    'reason',
  ]
  let table = database.schema
    .createTable('audit_events')
    .addColumn('id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('at', 'bigint', (column) => column.notNull())
    .addColumn('kind', 'text', (column) => column.notNull())
  for (const name of [...optional, 'detail']) table = table.addColumn(name, 'text')
  await table.execute()
  for (const first of ['kind', 'user_subject', 'session_id'] as const) {
    const index = database.schema.createIndex(`audit_events_${first}`).on('audit_events')
    await index.columns([first, 'id']).execute()
  }
  for (const act of ['update', 'delete']) {
    await sql`create trigger ${sql.raw(`audit_events_no_${act}`)} before ${sql.raw(act)} on audit_events
      begin select raise(abort, 'audit events are append-only'); end`.execute(database)
  }
}
