/** What the gateway says alike in every session, and somebody has read in this browser. */

const key = 'hatchway.read-notices'
/** There are few; the oldest goes. */
const most = 20

/** A notice's words. */
export interface Said {
  text: string
  /** It says the same in every session: dismissed once, it stays away from this browser. */
  standing?: true | undefined
}

/** What somebody has read of one terminal, and of every other before it. */
export class ReadNotices {
  readonly #here = new Set<string>()

  has({ text, standing }: Said): boolean {
    return this.#here.has(text) || (standing === true && storedNotices().includes(text))
  }

  add({ text, standing }: Said): void {
    this.#here.add(text)
    if (standing !== true) return
    try {
      const others = storedNotices().filter((each) => each !== text)
      localStorage.setItem(key, JSON.stringify([...others, text].slice(-most)))
    } catch {
      // Storage is switched off: it shows in the next session again.
    }
  }
}

function storedNotices(): string[] {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(key) ?? '[]')
    return Array.isArray(stored) ? stored.filter((each) => typeof each === 'string') : []
  } catch {
    return []
  }
}
