import { createHmac, randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Notification } from '../core/notification.ts'
import { personKey } from '../core/same-person.ts'
import { genericBody, slackBody } from './payload.ts'

/** One receiver, from the configuration alone: nothing that a user sends becomes an address. */
export interface Webhook {
  url: string
  kind: 'generic' | 'slack'
  /** Signs the body. */
  secret?: string
}

export interface WebhookOptions {
  hooks: readonly Webhook[]
  /** Where browsers reach the gateway, for links. */
  publicUrl?: string
  /** `to` names the receiver's host only: the address of a hook is a secret. */
  onFailure: (to: string, cause: unknown) => void
  /** Waits between tries, in milliseconds. */
  backOffMs?: readonly number[]
}

const timeoutMs = 10_000
const maxQueued = 1000
/** Of what one person caused: nobody's flood drops what others have to be told. */
const maxQueuedOfOne = 100

/**
 * Sends notifications in order per receiver, in the background: a receiver that is down delays nobody. Each is tried a few
 * times, then given up; what waits is lost with the process, and still to be seen in the lists.
 */
export class Webhooks {
  readonly #options: WebhookOptions
  readonly #queues: { hook: Webhook; waiting: Notification[]; sending: boolean }[]
  readonly #closed = new AbortController()

  constructor(options: WebhookOptions) {
    this.#options = options
    this.#queues = options.hooks.map((hook) => ({ hook, waiting: [], sending: false }))
  }

  notify(notification: Notification): void {
    const cause = personKey(notification.session.user)
    for (const queue of this.#queues) {
      const own = queue.waiting.filter(({ session }) => personKey(session.user) === cause).length
      if (queue.waiting.length >= maxQueued || own >= maxQueuedOfOne) {
        this.#options.onFailure(hostOf(queue.hook), new Error('too many notifications wait for it'))
        continue
      }
      queue.waiting.push(notification)
      if (!queue.sending) void this.#send(queue)
    }
  }

  close(): void {
    this.#closed.abort()
  }

  async #send(queue: { hook: Webhook; waiting: Notification[]; sending: boolean }): Promise<void> {
    queue.sending = true
    for (let next = queue.waiting.shift(); next !== undefined; next = queue.waiting.shift()) {
      try {
        await this.#deliver(queue.hook, next)
      } catch (cause) {
        if (this.#closed.signal.aborted) break
        this.#options.onFailure(hostOf(queue.hook), cause)
      }
    }
    queue.sending = false
  }

  async #deliver(hook: Webhook, notification: Notification): Promise<void> {
    const id = randomUUID()
    const { publicUrl, backOffMs = [1_000, 5_000, 30_000, 120_000] } = this.#options
    const body = JSON.stringify((hook.kind === 'slack' ? slackBody : genericBody)(notification, publicUrl))
    for (const wait of [...backOffMs, undefined]) {
      try {
        await this.#post(hook, id, body)
        return
      } catch (cause) {
        if (wait === undefined || cause instanceof Refused) throw cause
        await delay(wait, undefined, { signal: this.#closed.signal, ref: false })
      }
    }
  }

  async #post(hook: Webhook, id: string, body: string): Promise<void> {
    const timestamp = String(Math.floor(Date.now() / 1000))
    const signal = AbortSignal.any([this.#closed.signal, AbortSignal.timeout(timeoutMs)])
    const answer = await fetch(hook.url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'user-agent': 'hatchway',
        'hatchway-delivery': id,
        'hatchway-timestamp': timestamp,
        ...(hook.secret !== undefined && { 'hatchway-signature': sign(hook.secret, timestamp, body) }),
      },
      body,
      // A redirect would choose an address that the configuration did not.
      redirect: 'manual',
      signal,
    }).catch((cause: unknown) => {
      // The words of fetch may hold the address.
      throw new Error(
        signal.aborted ? 'it did not answer in time' : `it cannot be reached (${codeOf(cause)})`,
      )
    })
    const { status } = answer
    await answer.body?.cancel()
    if (status >= 200 && status < 300) return
    const words = `it answered ${status}`
    throw status === 429 || status >= 500 ? new Error(words) : new Refused(words)
  }
}

/** Not worth another try. */
class Refused extends Error {}

/** `v1=` and the HMAC-SHA256, in hex, of the timestamp, a dot and the body. */
export function sign(secret: string, timestamp: string, body: string): string {
  return `v1=${createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')}`
}

function hostOf({ url }: Webhook): string {
  return URL.parse(url)?.host ?? 'a webhook'
}

function codeOf(cause: unknown): string {
  const { code } = (cause as { cause?: { code?: unknown } }).cause ?? {}
  return typeof code === 'string' ? code : 'no connection'
}
