import { HatchwayError } from '../../core/errors.ts'
import type { DockerClient } from './client.ts'
import { PullProgress, readJsonLines } from './pull-progress.ts'
import { writeTar, type TarEntry } from './tar.ts'

/** An image of one layer. */
export interface ImageContent {
  /** With a tag. */
  name: string
  files: readonly TarEntry[]
  config?: {
    User?: string
    Entrypoint?: readonly string[]
    Cmd?: readonly string[]
    Env?: Readonly<Record<string, string>>
    ExposedPorts?: readonly string[]
    Labels?: Readonly<Record<string, string>>
    WorkingDir?: string
  }
  /** Such as `linux/arm64`; default: the engine's own. */
  platform?: string
}

/** Makes an image on the engine without any registry. Throws `image_unavailable`. */
export async function importImage(
  client: DockerClient,
  image: ImageContent,
  signal: AbortSignal,
): Promise<void> {
  const [repo = '', tag = 'latest'] = splitTag(image.name)
  const changes = new URLSearchParams(changesOf(image.config ?? {}).map((change) => ['changes', change]))
  const query = {
    fromSrc: '-',
    repo,
    tag,
    ...(image.platform === undefined ? {} : { platform: image.platform }),
  }
  try {
    const stream = await client.stream({
      method: 'POST',
      // `changes` repeats, which a record of query parameters cannot say.
      path: `/images/create?${changes.toString()}&${new URLSearchParams(query).toString()}`,
      file: writeTar(image.files),
      doing: `build the image ${image.name}`,
      signal,
      timeoutMs: 60_000,
    })
    const progress = new PullProgress()
    for await (const line of readJsonLines(stream)) progress.add(line)
  } catch (cause) {
    if (cause instanceof HatchwayError && cause.code !== 'start_failed') throw cause
    throw new HatchwayError(
      'image_unavailable',
      `The image ${image.name} could not be built on ${client.environment}.`,
      { cause },
    )
  }
}

/** Dockerfile instructions: the only form in which an import takes a configuration. */
function changesOf(config: NonNullable<ImageContent['config']>): string[] {
  return [
    ...(config.User === undefined ? [] : [`USER ${config.User}`]),
    ...(config.WorkingDir === undefined ? [] : [`WORKDIR ${config.WorkingDir}`]),
    ...(config.Entrypoint === undefined ? [] : [`ENTRYPOINT ${JSON.stringify(config.Entrypoint)}`]),
    ...(config.Cmd === undefined ? [] : [`CMD ${JSON.stringify(config.Cmd)}`]),
    ...(config.ExposedPorts ?? []).map((port) => `EXPOSE ${port}`),
    ...Object.entries(config.Env ?? {}).map(([key, value]) => `ENV ${key}=${JSON.stringify(value)}`),
    ...Object.entries(config.Labels ?? {}).map(([key, value]) => `LABEL ${key}=${JSON.stringify(value)}`),
  ]
}

function splitTag(name: string): string[] {
  const colon = name.lastIndexOf(':')
  return colon > name.lastIndexOf('/') ? [name.slice(0, colon), name.slice(colon + 1)] : [name]
}
