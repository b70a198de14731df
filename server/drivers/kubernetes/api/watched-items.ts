import { readRecord, readText } from '../../shared/read-json.ts'

export type Change = 'added' | 'changed' | 'gone'

/** What a watch has seen of a cluster, by uid: each object cut down by `keep`, and whoever listens told of what has changed. */
export class WatchedItems<K, T> {
  readonly #keep: (object: K) => T
  readonly #items = new Map<string, T>()
  /** Of each item: a list that is read again tells only what has changed. */
  readonly #versions = new Map<string, string>()
  readonly #unreadable = new Set<string>()
  readonly #listeners = new Set<(kind: Change, item: T) => void>()

  constructor(keep: (object: K) => T) {
    this.#keep = keep
  }

  get items(): ReadonlyMap<string, T> {
    return this.#items
  }

  /** How many are left out because they are not what they should be. */
  get unreadable(): number {
    return this.#unreadable.size
  }

  /** Told after the items have changed. Gives back how to stop. */
  onChange(listener: (kind: Change, item: T) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  forgetListeners(): void {
    this.#listeners.clear()
  }

  /** Takes away what is not among these uids. */
  retain(uids: ReadonlySet<string>): void {
    for (const uid of [...this.#items.keys(), ...this.#unreadable].filter((uid) => !uids.has(uid)))
      this.remove(uid)
  }

  /** Takes an object as it is now; one of a version that is known already changes nothing. */
  put(object: K): void {
    const metadata = metadataOf(object)
    const [uid, resourceVersion] = [readText(metadata['uid']), readText(metadata['resourceVersion'])]
    const before = this.#versions.get(uid)
    if (before === resourceVersion) return
    const item = this.#read(object, uid)
    if (item === undefined) return
    this.#items.set(uid, item)
    this.#versions.set(uid, resourceVersion)
    this.#tell(before === undefined ? 'added' : 'changed', item)
  }

  /** Undefined for one that can't be read: the others are shown all the same. */
  #read(object: K, uid: string): T | undefined {
    try {
      if (uid === '' || readText(metadataOf(object)['name']) === '') throw new TypeError('it has no name')
      const item = this.#keep(object)
      this.#unreadable.delete(uid)
      return item
    } catch {
      this.#unreadable.add(uid)
      this.#drop(uid)
      return undefined
    }
  }

  /** Takes one away, if it is there. */
  remove(uid: string): void {
    this.#unreadable.delete(uid)
    this.#drop(uid)
  }

  #drop(uid: string): void {
    const item = this.#items.get(uid)
    if (item === undefined) return
    this.#items.delete(uid)
    this.#versions.delete(uid)
    this.#tell('gone', item)
  }

  #tell(kind: Change, item: T): void {
    for (const listener of this.#listeners) listener(kind, item)
  }
}

/** An object's metadata, or nothing of it. */
export function metadataOf(object: unknown): Record<string, unknown> {
  return readRecord(readRecord(object)['metadata'])
}
