import type { TargetDetail } from '../../../server/protocol/target-api.ts'
import { WarningIcon } from '../../components/icons.tsx'
import { ChoiceList } from './choice-list.tsx'
import { whereChoices, type Where } from './session-scope.ts'

interface WhereChoiceProps {
  target: TargetDetail
  where: Where
  onChange: (where: Where) => void
}

/** A container that crashes or has ended has no processes to join: its pod's network is there, and a copy of the pod has its files. */
export function WhereChoice({ target, where, onChange }: WhereChoiceProps) {
  const { pod, network, copy, isAsked } = whereChoices(target, where)
  if (!isAsked) return null
  const name = target.container ?? target.name
  const restarts = target.containers?.find((each) => each.name === name)?.restarts ?? 0
  if (where === 'nowhere') {
    return (
      <div className="banner" data-tone="warn">
        <WarningIcon />
        <div>
          <strong>
            <span className="mono">{name}</span> cannot be opened now.
          </strong>{' '}
          {pod.problem} The form opens by itself as soon as it can be.
        </div>
      </div>
    )
  }
  return (
    <ChoiceList
      legend="Where"
      name="where"
      value={where}
      onChange={(next) => onChange(next as Where)}
      choices={[
        {
          name: 'pod',
          label: 'in the pod',
          words:
            pod.problem === undefined
              ? `It has restarted ${restarts} times, and the session ends when ${name} does.`
              : 'Beside the container, with its processes and its network.',
          problem: pod.problem,
        },
        {
          name: 'network',
          label: 'in its network only',
          words:
            'A shell in the pod’s network, as its containers have it: addresses, ports, DNS. None of their processes and files.',
          problem: network.problem,
        },
        {
          name: 'copy',
          label: 'in a copy',
          words:
            'Makes a copy of the pod whose containers wait instead of running their commands, without labels and probes, so that it gets no traffic. It goes away with the session.',
          problem: copy.problem,
        },
      ]}
    />
  )
}
