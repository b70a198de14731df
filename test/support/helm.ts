import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { parseAllDocuments } from 'yaml'

const run = promisify(execFile)
const script = fileURLToPath(new URL('../deploy/helm.sh', import.meta.url))

/** The path of the chart. */
export const chart = fileURLToPath(new URL('../../deploy/helm/hatchway', import.meta.url))

/** An object as a manifest has it. */
export interface Manifest {
  apiVersion: string
  kind: string
  metadata: {
    name: string
    namespace?: string
    labels?: Record<string, string>
    annotations?: Record<string, string>
  }
  [field: string]: unknown
}

let program: Promise<string> | undefined

/** What Helm prints. Builds Helm on the first call of a machine; rejects with what it said when it refuses. */
export async function helm(...args: string[]): Promise<string> {
  // The deadline covers a build without any cache on a slow machine.
  program ??= run(script, { timeout: 1_800_000 }).then(({ stdout }) => stdout.trim())
  return (await run(await program, args, { timeout: 60_000 })).stdout.trim()
}

/** What the chart makes of these values, as `helm template hatchway`. */
export async function renderChart(values: object = {}, namespace = 'hatchway'): Promise<Manifest[]> {
  const set = Object.entries(values).flatMap(([key, value]) => [
    '--set-json',
    `${key}=${JSON.stringify(value)}`,
  ])
  return manifestsOf(await helm('template', 'hatchway', chart, '--namespace', namespace, ...set))
}

/** The objects of a YAML stream. */
export function manifestsOf(text: string): Manifest[] {
  return parseAllDocuments(text)
    .map((document) => document.toJS() as Manifest | null)
    .filter((manifest) => manifest !== null)
}
