import { randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { withFileLock } from '../store/file-lock.ts'
import { CommandError } from './command-error.ts'

/** What is kept of a sign-in at one gateway. Everything but the gateway is the provider's or was asked of it. */
export interface KeptLogin {
  issuer: string
  clientId: string
  scopes: readonly string[]
  resource?: string
  /** Whom the token is for, as it was told: to know it again. */
  audiences: readonly string[]
  subject: string
  accessToken: string
  refreshToken?: string
  /** ISO 8601. */
  expiresAt: string
  /** A new access token is fetched from then on. */
  renewAt: string
}

/** By the origin of their gateway. A token is never looked up by anything else. */
export type LoginsByGateway = Map<string, KeptLogin>

export interface KeptLogins {
  /** Empty when there are none. Throws CommandError for a file or folder that others could read or change. */
  read(): Promise<LoginsByGateway>
  /** Hands `work` what is kept, while no other process changes it, and keeps what it leaves behind; also when it throws. */
  change<T>(work: (logins: LoginsByGateway) => Promise<T>): Promise<T>
}

const fileName = 'logins.json'
const maxFileBytes = 1024 * 1024

/** `$XDG_CONFIG_HOME/hatchway` (XDG Base Directory Specification: relative values are ignored), else `~/.config/hatchway`. */
export function configDirectory(env: Readonly<Record<string, string | undefined>>): string {
  const named = env['XDG_CONFIG_HOME']
  const base = named !== undefined && isAbsolute(named) ? named : join(env['HOME'] ?? homedir(), '.config')
  return join(base, 'hatchway')
}

export function openKeptLogins(directory: string): KeptLogins {
  const file = join(directory, fileName)
  const read = async (): Promise<LoginsByGateway> => {
    await checkDirectory(directory)
    const text = await readPrivate(file)
    return text === undefined ? new Map() : parse(text, file)
  }
  return {
    read,
    async change(work) {
      await mkdir(directory, { recursive: true, mode: 0o700 })
      await checkDirectory(directory)
      return withFileLock(join(directory, 'logins.lock'), async () => {
        const logins = await read()
        const before = format(logins)
        try {
          return await work(logins)
        } finally {
          const now = format(logins)
          if (now !== before) await writePrivate(file, now)
        }
      })
    },
  }
}

async function checkDirectory(directory: string): Promise<void> {
  const found = await stat(directory).catch(ifAbsent)
  if (found === undefined) return
  if (!isOwn(found.uid) || (found.mode & 0o022) !== 0) {
    throw new CommandError(
      `${directory} can be changed by others, so nothing in it is trusted. Look who did that; then: chmod 700 ${directory}`,
    )
  }
}

async function readPrivate(file: string): Promise<string | undefined> {
  // Looked at through the open file, so that it cannot be another one afterwards.
  const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
    (cause: NodeJS.ErrnoException) => {
      if (cause.code === 'ELOOP') throw new CommandError(`${file} is a symbolic link, which is not followed.`)
      return ifAbsent(cause)
    },
  )
  if (handle === undefined) return undefined
  try {
    const { mode, uid, size } = await handle.stat()
    if ((mode & constants.S_IFMT) !== constants.S_IFREG || size > maxFileBytes)
      throw new CommandError(`${file} is not a file that hatchway login wrote.`)
    if (!isOwn(uid) || (mode & 0o077) !== 0) {
      throw new CommandError(
        `${file} can be read by others, and holds tokens. Sign out where they are used (hatchway logout), or: chmod 600 ${file}`,
      )
    }
    return await handle.readFile('utf8')
  } finally {
    await handle.close()
  }
}

/** Whole or not at all, and on the disk before anything relies on it: a spent refresh token cannot be had again. */
async function writePrivate(file: string, text: string): Promise<void> {
  const draft = `${file}.${randomUUID()}`
  const handle = await open(draft, 'wx', 0o600)
  try {
    await handle.writeFile(text)
    await handle.sync()
    await handle.close()
    await rename(draft, file)
  } catch (cause) {
    await handle.close().catch(() => undefined)
    await rm(draft, { force: true })
    throw cause
  }
}

function format(logins: LoginsByGateway): string {
  return `${JSON.stringify({ version: 1, logins: Object.fromEntries(logins) }, null, 2)}\n`
}

function parse(text: string, file: string): LoginsByGateway {
  try {
    const { version, logins = {} } = JSON.parse(text) as {
      version?: unknown
      logins?: Record<string, KeptLogin>
    }
    const entries = Object.entries(logins)
    if (version !== 1 || !entries.every(([, login]) => isWhole(login))) throw new Error('another form')
    return new Map(entries)
  } catch {
    throw new CommandError(`${file} is damaged, or of another version. Delete it and sign in again.`)
  }
}

function isWhole(login: KeptLogin): boolean {
  const texts = [
    login.issuer,
    login.clientId,
    login.subject,
    login.accessToken,
    login.expiresAt,
    login.renewAt,
  ]
  return (
    texts.every((value) => typeof value === 'string') &&
    Array.isArray(login.scopes) &&
    Array.isArray(login.audiences) &&
    !Number.isNaN(Date.parse(login.expiresAt) + Date.parse(login.renewAt))
  )
}

function isOwn(uid: number): boolean {
  return process.getuid === undefined || uid === process.getuid()
}

function ifAbsent(cause: NodeJS.ErrnoException): undefined {
  if (cause.code === 'ENOENT') return undefined
  throw cause
}
