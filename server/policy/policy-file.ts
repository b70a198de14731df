import { watch, type FSWatcher } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { ConfigError } from '../core/config-error.ts'
import { messageOf } from '../core/errors.ts'
import type { Policy } from '../core/policy.ts'
import { policyFromText, type RulePolicy, type TimedPolicy } from './compile-policy.ts'
import { maxPolicyBytes } from './parse-policy.ts'
import { readInThread } from './read-in-thread.ts'

export interface PolicyFileOptions {
  path: string
  /** Another content is about to be in force. While it rejects, the policy stays as it was, and the file is looked at again. */
  beforeReload?(version: string): Promise<void>
  /** Another content is in force from now on. Not called for the first load. */
  onReload(version: string): void
  /** The file can't be used; the last good policy stays in force. Called once per broken content. */
  onError(problem: ConfigError): void
  /** How often to look when the file system reports nothing; default 2 s. */
  pollMs?: number
}

const debounceMs = 50

/** Loads a policy file and follows its changes. Throws ConfigError when the first load fails. */
export async function openPolicyFile(options: PolicyFileOptions): Promise<PolicyFile> {
  // Nobody else is there yet.
  const first = await load(options.path, atStart)
  return new PolicyFile(options, first)
}

/** The policy as its file says now, or as it last said in a way that could be used. */
export class PolicyFile implements TimedPolicy {
  readonly #options: PolicyFileOptions
  #current: RulePolicy
  #seen: string
  #lastError = ''
  #loading: Promise<void> | undefined
  #watcher: FSWatcher | undefined
  #debounce: NodeJS.Timeout | undefined
  readonly #poll: NodeJS.Timeout
  #closed = false

  constructor(options: PolicyFileOptions, first: { policy: RulePolicy; stamp: string }) {
    this.#options = options
    this.#current = first.policy
    this.#seen = first.stamp
    this.#watcher = this.#watch()
    // Directory events miss symlinks that are swapped further up (Kubernetes volumes) and network file systems.
    this.#poll = setInterval(() => void this.#reloadIfChanged(), options.pollMs ?? 2000)
    this.#poll.unref()
  }

  get version(): string {
    return this.#current.version
  }

  at(moment: Date): Policy {
    return this.#current.at(moment)
  }

  /** Reads the file again now, as on SIGHUP. Never rejects: problems go to `onError`. */
  async reload(): Promise<void> {
    // One at a time, and a call during a load waits for a later one, so that it sees what was written before it.
    while (this.#loading !== undefined) await this.#loading
    this.#loading = this.#load().finally(() => {
      this.#loading = undefined
    })
    await this.#loading
  }

  close(): void {
    this.#closed = true
    this.#watcher?.close()
    clearTimeout(this.#debounce)
    clearInterval(this.#poll)
  }

  async #reloadIfChanged(): Promise<void> {
    if (this.#loading === undefined && (await stampOf(this.#options.path)) !== this.#seen) await this.reload()
  }

  async #load(): Promise<void> {
    if (this.#closed) return
    this.#seen = await stampOf(this.#options.path)
    try {
      const { policy, stamp } = await load(this.#options.path, whileOthersWait)
      if (this.#closed) return
      this.#seen = stamp
      if (policy.version !== this.#current.version) await this.#announce(policy.version)
      this.#lastError = ''
      if (policy.version === this.#current.version) return
      this.#current = policy
      this.#options.onReload(policy.version)
    } catch (cause) {
      const problem = cause instanceof ConfigError ? cause : unreadable(this.#options.path, cause)
      if (this.#closed || problem.message === this.#lastError) return
      this.#lastError = problem.message
      this.#options.onError(problem)
    }
  }

  async #announce(version: string): Promise<void> {
    try {
      await this.#options.beforeReload?.(version)
    } catch (cause) {
      this.#seen = 'not in force'
      const message = `has changed, and is not in force yet: ${messageOf(cause)}`
      throw new ConfigError(this.#options.path, [{ path: '', message }])
    }
  }

  // The directory is watched, because editors replace the file, and a watch on it would follow the old one.
  #watch(): FSWatcher | undefined {
    const name = basename(this.#options.path)
    try {
      const watcher = watch(dirname(this.#options.path), { persistent: false }, (_, changed) => {
        if (changed !== null && changed !== name) return
        clearTimeout(this.#debounce)
        this.#debounce = setTimeout(() => void this.reload(), debounceMs)
        this.#debounce.unref()
      })
      // Out of inotify watches, or the directory went away: the poll goes on alone.
      watcher.on('error', () => watcher.close())
      return watcher
    } catch {
      return undefined
    }
  }
}

type Read = (text: string, path: string) => RulePolicy | Promise<RulePolicy>

/** So much takes a few milliseconds, a thread ten times as long. */
const maxAtOnceBytes = 4 * 1024
const atStart: Read = (text, path) => policyFromText(text, path)
const whileOthersWait: Read = (text, path) =>
  text.length <= maxAtOnceBytes ? policyFromText(text, path) : readInThread({ text, file: path })

async function load(path: string, read: Read): Promise<{ policy: RulePolicy; stamp: string }> {
  // The stamp is taken first: what is written during the read is then noticed as a change.
  const stamp = await stampOf(path)
  try {
    const { size } = await stat(path)
    if (size > maxPolicyBytes) throw new Error('it is larger than 1 MiB')
    return { policy: await read(await readFile(path, 'utf8'), path), stamp }
  } catch (cause) {
    throw cause instanceof ConfigError ? cause : unreadable(path, cause)
  }
}

async function stampOf(path: string): Promise<string> {
  try {
    const { ino, mtimeMs, size } = await stat(path)
    return `${ino}:${mtimeMs}:${size}`
  } catch {
    return 'unreadable'
  }
}

function unreadable(path: string, cause: unknown): ConfigError {
  return new ConfigError(path, [{ path: '', message: `cannot be read: ${messageOf(cause)}` }])
}
