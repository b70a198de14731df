import { pairContainers } from './containers.ts'
import type { Pod } from '../api/objects.ts'
import { readText } from '../../shared/read-json.ts'

/** An ephemeral container that a gateway, this one or another, added. */
export interface KubernetesDebugContainer {
  name: string
  /** The container whose processes it shares. */
  target?: string
  /** What tells whose it is: its `HATCHWAY_…` variables. Anybody who may add ephemeral containers can write them. */
  env: Readonly<Record<string, string>>
  state: 'running' | 'waiting' | 'terminated'
  exitCode?: number
}

const none: readonly KubernetesDebugContainer[] = []

/** Hatchway's ephemeral containers of a pod, also ended ones: they stay as long as the pod does. */
export function keepDebugContainers(pod: Pod): readonly KubernetesDebugContainer[] {
  if (pod.spec?.ephemeralContainers === undefined) return none
  return pairContainers(pod)
    .filter(({ kind, spec }) => kind === 'debug' && readText(spec.name).startsWith('hatchway-'))
    .map(({ spec, status }) => {
      const target = 'targetContainerName' in spec ? spec.targetContainerName : undefined
      const own = (spec.env ?? []).filter(({ name }) => readText(name).startsWith('HATCHWAY_'))
      const { running, terminated } = status?.state ?? {}
      return {
        name: spec.name,
        ...(target === undefined ? {} : { target }),
        env: Object.fromEntries(own.map(({ name, value }) => [name, value ?? ''])),
        state: running !== undefined ? 'running' : terminated === undefined ? 'waiting' : 'terminated',
        ...(terminated === undefined ? {} : { exitCode: terminated.exitCode }),
      }
    })
}
