/** Columns as any SQL database can hold them: text ids, ms since 1970, JSON as text, booleans as 0 and 1. */
export interface SessionsTable {
  id: string
  /** Of the row: each write makes it greater. */
  version: number
  /** Which kind of session it is, and as JSON what only that kind has. */
  kind: string
  detail: string | null
  state: string
  target_ref: string
  target_name: string
  target_environment: string
  target_namespace: string | null
  target_image: string
  target_labels: string
  target_resolved: string
  target_names: string | null
  user_subject: string
  user_name: string
  user_groups: string | null
  user_issuer: string | null
  user_account: string | null
  toolbox: string
  profile: string
  command: string | null
  pick: string | null
  copy: number | null
  network_only: number | null
  process: string | null
  identity: string | null
  reason: string | null
  ticket: string | null
  size: string
  requested_at: number
  started_at: number | null
  ended_at: number | null
  ending: string | null
  deadline: number
  idle_timeout_ms: number
  record_input: number
  exclusive: number | null
  recording_mode: string
  rules: string
  approval: string | null
  break_glass: string | null
  review: string | null
  container: string | null
  recording: string | null
}

export interface AuditEventsTable {
  id: string
  at: number
  kind: string
  user_subject: string | null
  user_name: string | null
  user_issuer: string | null
  remote_address: string | null
  action: string | null
  target: string | null
  session_id: string | null
  rule: string | null
  reason: string | null
  detail: string | null
}

export interface LoginsTable {
  id_hash: string
  principal: string
  created_at: number
  /** The row is gone then. */
  expires_at: number
  /** Who it is, for all logins of one person. */
  issuer: string | null
  subject: string | null
  /** When the provider has to be asked again, and what it knows the login by; null without one. */
  good_until: number | null
  renew_at: number | null
  provider_subject: string | null
  provider_session: string | null
  provider_grant: string | null
}

export interface LeasesTable {
  name: string
  /** Null once it was released. The row stays, so that the epoch goes on growing. */
  owner: string | null
  epoch: number
  expires_at: number
}

export interface Database {
  sessions: SessionsTable
  audit_events: AuditEventsTable
  logins: LoginsTable
  leases: LeasesTable
}
