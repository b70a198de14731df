import type { Policy, Principal } from '../core/policy.ts'
import type { Target } from '../core/target.ts'
import { visible, type FindTargetDeps } from './find-target.ts'

/** Callers whose answers are remembered. The one who was least recently asked about goes first. */
const maxCallers = 100
/** Rules hold from one full minute to another, so an answer is good until the next. */
const minuteMs = 60_000

interface Answers {
  policy: Policy
  minute: number
  known: WeakMap<Target, boolean>
}

/**
 * Which targets a caller may know of. A list of thousands is polled every few seconds, and a driver gives the same objects
 * again for what has not changed: only the others are decided anew.
 */
export class VisibleTargets {
  readonly #deps: Pick<FindTargetDeps, 'policy'>
  readonly #callers = new Map<string, Answers>()

  constructor(deps: Pick<FindTargetDeps, 'policy'>) {
    this.#deps = deps
  }

  among(who: Principal, targets: readonly Target[]): Target[] {
    const { known } = this.#answersFor(who)
    return targets.filter((target) => {
      let answer = known.get(target)
      if (answer === undefined) {
        // Hatchway's own containers are no targets.
        answer = target.ownSession === undefined && visible(this.#deps, who, target)
        known.set(target, answer)
      }
      return answer
    })
  }

  #answersFor({ subject, groups, issuer }: Principal): Answers {
    const key = JSON.stringify([issuer, subject, groups])
    const policy = this.#deps.policy()
    const minute = Math.floor(Date.now() / minuteMs)
    let answers = this.#callers.get(key)
    if (answers?.policy !== policy || answers.minute !== minute) {
      answers = { policy, minute, known: new WeakMap() }
    }
    // Taken out and put in again, a key is the youngest.
    this.#callers.delete(key)
    this.#callers.set(key, answers)
    const [eldest] = this.#callers.keys()
    if (this.#callers.size > maxCallers && eldest !== undefined) this.#callers.delete(eldest)
    return answers
  }
}
