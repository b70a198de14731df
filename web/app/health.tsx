import { useEnvironments } from '../lib/queries.ts'
import { Dot } from '../components/badge.tsx'
import type { Tone } from '../lib/tone.ts'
import { Hint } from '../components/hint.tsx'
import './health.css'

/** Whether every environment answers: a dot in the top bar, the whole story on demand. */
export function Health() {
  const { data, error } = useEnvironments()
  const items = data?.items ?? []
  const broken = items.filter((environment) => !environment.reachable)
  const [tone, words] = healthOf(items.length, broken.length, data === undefined, error)
  return (
    <Hint label={`Environments: ${words}`} className="icon-button" trigger={<Dot tone={tone} />}>
      <strong>{words}</strong>
      <ul className="plain-list">
        {items.map((environment) => (
          <li key={environment.id}>
            <Dot tone={environment.reachable ? 'ok' : 'bad'} />
            <span>
              <span className="mono">{environment.id}</span> <span className="faint">{environment.kind}</span>
              <span className="visually-hidden">
                {environment.reachable ? ' reachable' : ' not reachable'}
              </span>
              {environment.problem === undefined ? null : (
                <span className="hint-problem">{environment.problem}</span>
              )}
              {(environment.notices ?? []).map((notice) => (
                <span key={notice} className="hint-problem">
                  {notice}
                </span>
              ))}
            </span>
          </li>
        ))}
      </ul>
    </Hint>
  )
}

function healthOf(all: number, broken: number, isPending: boolean, error: unknown): [Tone, string] {
  if (error !== null) return ['bad', 'not known']
  if (isPending) return ['neutral', 'asking']
  if (all === 0) return ['warn', 'none configured']
  if (broken === 0) return ['ok', all === 1 ? 'reachable' : `all ${all} reachable`]
  return [broken === all ? 'bad' : 'warn', `${broken} of ${all} not reachable`]
}
