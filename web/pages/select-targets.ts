import type { Target } from '../../server/protocol/target-api.ts'

interface Selection {
  words: string
  environment: string
  showStopped: boolean
}

/** Which targets show, running ones first; `stopped` counts those that fit but do not run. Pure. */
export function selectTargets(items: Target[], selection: Selection): { shown: Target[]; stopped: number } {
  const words = selection.words.toLowerCase().split(/\s+/).filter(Boolean)
  const fitting = items.filter((target) => {
    if (selection.environment !== '' && target.environment !== selection.environment) return false
    const text = haystack(target)
    return words.every((word) => text.includes(word))
  })
  const rank = (target: Target): number => (target.state === 'running' ? 0 : isStopped(target) ? 2 : 1)
  return {
    shown: fitting
      .filter((target) => selection.showStopped || !isStopped(target))
      .toSorted((a, b) => rank(a) - rank(b) || a.ref.localeCompare(b.ref)),
    stopped: fitting.filter(isStopped).length,
  }
}

/** Paused and restarting ones stay in sight: they are what somebody looks for at night. */
function isStopped({ state }: Target): boolean {
  return state !== 'running' && state !== 'paused' && state !== 'restarting'
}

function haystack(target: Target): string {
  const labels = Object.entries(target.labels).map(([name, value]) => `${name}=${value}`)
  return [target.ref, target.name, target.image, target.id, target.user ?? '', ...labels]
    .join('\n')
    .toLowerCase()
}
