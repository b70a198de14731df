import type { Actor } from '../../../core/driver.ts'
import { RecentAnswers } from './answers.ts'
import { type KubernetesClient } from './client.ts'
import { resourcePath } from './paths.ts'
import { limitConcurrency } from '../../shared/limit-concurrency.ts'

/** How long an answer of the cluster's authorizer is good for. */
const goodForMs = 30_000
/** People whose answers are remembered. The one who was least recently asked about goes first. */
const maxPeople = 500
/** Namespaces that are remembered of each, or as many as one list has: whoever asks can think of any number of names. */
const maxNamespaces = 300
/** Namespaces that are asked about at once, over all people. */
const atOnce = 8
/** An answer serves whoever else waits for it, so no single caller's signal ends the question. */
const questionMs = 10_000

type Answers = RecentAnswers<Promise<boolean>>

/** Where a person may list pods, when the cluster itself decides: asked as that person, and remembered for a while. */
export class KubernetesAccess {
  readonly #client: KubernetesClient
  readonly #limit = limitConcurrency(atOnce)
  /** By person, then by namespace; the whole cluster is ''. */
  readonly #people = new Map<string, Answers>()

  constructor(client: KubernetesClient) {
    this.#client = client
  }

  /** Those of the namespaces in which the actor may list pods: all of them when the gateway acts as itself. */
  async visible(actor: Actor, namespaces: Iterable<string>): Promise<(namespace: string) => boolean> {
    if (!this.#client.impersonates) return () => true
    const all = [...namespaces]
    // One more is the whole cluster.
    const most = Math.max(maxNamespaces, all.length + 1)
    if (await this.#mayList(actor, '', most)) return () => true
    const answers = await Promise.all(all.map((namespace) => this.#mayList(actor, namespace, most)))
    const seen = new Set(all.filter((_, index) => answers[index]))
    return (namespace) => seen.has(namespace)
  }

  #mayList(actor: Actor, namespace: string, most: number): Promise<boolean> {
    const answers = this.#answersFor(actor)
    const now = performance.now()
    const known = answers.get(namespace, now)
    if (known !== undefined) return known
    const allowed = this.#limit(() => this.#ask(actor, namespace))
    answers.set(namespace, allowed, { now, most })
    allowed.catch(() => answers.drop(namespace, allowed))
    return allowed
  }

  #answersFor({ subject, groups }: Actor): Answers {
    const key = JSON.stringify([subject, groups.toSorted()])
    const answers = this.#people.get(key) ?? new RecentAnswers<Promise<boolean>>(goodForMs)
    // Taken out and put in again, a key is the youngest.
    this.#people.delete(key)
    this.#people.set(key, answers)
    const [eldest] = this.#people.keys()
    if (this.#people.size > maxPeople && eldest !== undefined) this.#people.delete(eldest)
    return answers
  }

  async #ask(actor: Actor, namespace: string): Promise<boolean> {
    const attributes = { verb: 'list', resource: 'pods', ...(namespace === '' ? {} : { namespace }) }
    const { status } = await this.#client.json<{ status?: { allowed?: boolean } }>({
      method: 'POST',
      repeatable: true,
      path: resourcePath('/apis/authorization.k8s.io/v1', undefined, 'selfsubjectaccessreviews'),
      body: {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SelfSubjectAccessReview',
        spec: { resourceAttributes: attributes },
      },
      actor,
      doing: `find out what ${actor.subject} may see`,
      signal: AbortSignal.timeout(questionMs),
    })
    return status?.allowed === true
  }
}
