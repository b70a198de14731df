import type { TargetDetail } from '../../server/protocol/target-api.ts'
import { WarningIcon } from '../components/icons.tsx'
import { ChoiceList } from './choice-list.tsx'

export type Where = 'pod' | 'copy' | 'nowhere'

interface WhereChoices {
  /** What can be chosen at all. */
  inPod: boolean
  copy: boolean
  /** Whether there is a question: a copy makes no sense beside a container that runs well. */
  isAsked: boolean
}

// As often as this, the next restart is likely to end a session.
const manyRestarts = 3

/** Where a session in this target can run. Pure. */
export function whereChoices(target: TargetDetail): WhereChoices {
  const inPod = target.state === 'running' || target.state === 'paused'
  const copy = target.options?.copies === true && target.pod !== undefined
  const own = target.containers?.find(({ name }) => name === target.container)
  const isShaky = (own?.restarts ?? 0) >= manyRestarts
  return { inPod, copy, isAsked: target.kind === 'kubernetes' && (!inPod || (copy && isShaky)) }
}

interface WhereChoiceProps {
  target: TargetDetail
  where: Where
  onChange: (where: Where) => void
}

/** A container that crashes or has ended has no processes to join: a copy of its pod is the way to its files. */
export function WhereChoice({ target, where, onChange }: WhereChoiceProps) {
  const { inPod, copy, isAsked } = whereChoices(target)
  if (!isAsked) return null
  const name = target.container ?? target.name
  const restarts = target.containers?.find((each) => each.name === name)?.restarts ?? 0
  if (!inPod && !copy) {
    return (
      <div className="banner warn">
        <WarningIcon />
        <div>
          <strong>
            <span className="mono">{name}</span> does not run now: {target.status}.
          </strong>{' '}
          A debug container joins the processes of a running one, so there is nothing to join. The form opens
          by itself as soon as it runs.{' '}
          {target.pod === undefined
            ? ''
            : 'A debug copy of the pod would show its files and configuration; policy does not allow copies here.'}
        </div>
      </div>
    )
  }
  return (
    <ChoiceList
      legend="Where"
      name="where"
      value={where}
      onChange={(next) => onChange(next === 'copy' ? 'copy' : 'pod')}
      choices={[
        {
          name: 'pod',
          label: 'in the pod',
          words: inPod
            ? `It has restarted ${restarts} times, and the session ends when ${name} does.`
            : 'Beside the container, with its processes and its network.',
          problem: inPod ? undefined : `${name} has no processes to join: ${target.status}.`,
        },
        {
          name: 'copy',
          label: 'in a copy',
          words:
            'Makes a copy of the pod whose containers wait instead of running their commands, without labels and probes, so that it gets no traffic. It goes away with the session.',
        },
      ]}
    />
  )
}
