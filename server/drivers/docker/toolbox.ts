import type { ContainerInspectInfo } from 'dockerode'
import { HatchwayError } from '../../core/errors.ts'
import type { Toolbox } from '../../core/debug-container.ts'
import type { StartProgress } from '../../core/driver.ts'
import type { DockerClient } from './client.ts'
import { dockerStatus, dockerWords } from './errors.ts'
import { readRecord, readText } from '../shared/read-json.ts'
import { ImagePuller, type PullLimits } from './pull.ts'

/** A toolbox's image, present on the engine. */
export interface ReadyToolbox {
  name: string
  image: string
  id: string
  os: string
  architecture: string
  /** What the user should know of how it came here. */
  notice?: string
}

/** An image that may be built, and no other, when it can't be pulled. */
export interface BuiltinToolbox {
  image: string
  /** Resolves with what the user should know of how it came here; undefined when it can't be built. */
  build(client: DockerClient, signal: AbortSignal): Promise<string | undefined>
}

export interface ToolboxOptions {
  pull: PullLimits
  builtin?: BuiltinToolbox
}

export class ToolboxImages {
  readonly #client: DockerClient
  readonly #options: ToolboxOptions
  readonly #puller: ImagePuller
  /** By the image's name: toolboxes are configured, so these are few. */
  readonly #known = new Map<string, ReadyToolbox>()

  constructor(client: DockerClient, options: ToolboxOptions) {
    this.#client = client
    this.#options = options
    this.#puller = new ImagePuller(client, options.pull)
  }

  /** The image as it was when last found; it may be gone or another by now. */
  known(toolbox: Toolbox): ReadyToolbox | undefined {
    return this.#known.get(toolbox.image)
  }

  /** The image as the engine has it; undefined when it has none of that name. */
  async find(toolbox: Toolbox, signal: AbortSignal): Promise<ReadyToolbox | undefined> {
    const info = await this.#inspect(toolbox.image, signal)
    if (info === undefined) return undefined
    const { Id: id, Os: os, Architecture: architecture } = info
    if (id === '') return undefined
    const found = { name: toolbox.name, image: toolbox.image, id, os, architecture }
    this.#known.set(toolbox.image, found)
    return found
  }

  /** Pulls it, or builds the built-in one when that fails. Throws `image_unavailable`. */
  async obtain(
    toolbox: Toolbox,
    target: ContainerInspectInfo,
    onProgress: (progress: StartProgress) => void,
    signal: AbortSignal,
  ): Promise<ReadyToolbox> {
    const { image } = toolbox
    const report = (pull: StartProgress['pull'] & {}) => onProgress({ phase: 'pulling', pull })
    report({ image, currentBytes: 0, totalBytes: 0, status: 'Asking the registry' })
    let notice: string | undefined
    try {
      await this.#puller.pull(toolbox, await this.#platformFor(target, signal), report, signal)
    } catch (cause) {
      notice = await this.#buildInstead(image, cause, signal)
    }
    const ready = await this.find(toolbox, signal)
    if (ready === undefined) {
      throw new HatchwayError(
        'image_unavailable',
        `The image ${image} was pulled, but the engine does not have it. Was it removed meanwhile?`,
      )
    }
    return notice === undefined ? ready : { ...ready, notice }
  }

  /** Throws `start_failed` when the image can't run on this host: its first process would die without a word. */
  async checkPlatform(
    toolbox: ReadyToolbox,
    target: ContainerInspectInfo,
    signal: AbortSignal,
  ): Promise<void> {
    const engine = await this.#client.engine(signal)
    if (toolbox.architecture === engine.architecture) return
    // A target of the same foreign platform that runs proves that the host emulates it.
    const other = await this.#inspect(target.Image, signal)
    if (other?.Architecture === toolbox.architecture) return
    throw new HatchwayError(
      'start_failed',
      `The toolbox image ${toolbox.image} is built for ${toolbox.os}/${toolbox.architecture}, and the host is ${engine.os}/${engine.architecture} without emulation. Use a variant for this host.`,
    )
  }

  /** The platform to ask for; undefined for the engine's own. */
  async #platformFor(target: ContainerInspectInfo, signal: AbortSignal): Promise<string | undefined> {
    const [engine, image] = await Promise.all([
      this.#client.engine(signal),
      this.#inspect(target.Image, signal),
    ])
    if (image === undefined || image.Architecture === engine.architecture) return undefined
    return `${image.Os}/${image.Architecture}`
  }

  async #buildInstead(image: string, cause: unknown, signal: AbortSignal): Promise<string> {
    const { builtin } = this.#options
    const failed =
      cause instanceof HatchwayError && (cause.code === 'image_unavailable' || cause.code === 'timeout')
    const built = failed && image === builtin?.image ? await builtin.build(this.#client, signal) : undefined
    if (built === undefined) throw cause
    return built
  }

  async #inspect(image: string, signal: AbortSignal): Promise<Image | undefined> {
    // A reference keeps its slashes: the engine's route takes the whole rest of the path.
    const path = `/images/${image.split('/').map(encodeURIComponent).join('/')}/json`
    return await this.#client
      .look<unknown>({ path, doing: `look for the image ${image}`, signal })
      .then(readImage)
      .catch((cause: unknown) => {
        if (dockerStatus(cause) === 404) return undefined
        if (!/invalid reference/i.test(dockerWords(cause))) throw cause
        const words = `${image} is not the name of an image: ${dockerWords(cause)}. Correct the toolbox in the configuration.`
        throw new HatchwayError('image_unavailable', words, { cause })
      })
  }
}

interface Image {
  Id: string
  Os: string
  Architecture: string
}

function readImage(value: unknown): Image {
  const image = readRecord(value)
  const [Id, Os, Architecture] = [image['Id'], image['Os'], image['Architecture']].map(readText)
  return { Id: Id ?? '', Os: Os ?? '', Architecture: Architecture ?? '' }
}
