import { HatchwayError, messageOf } from '../../core/errors.ts'
import type { Toolbox } from '../../core/debug-container.ts'
import type { StartProgress } from '../../core/driver.ts'
import type { DockerClient } from './client.ts'
import { dockerWords } from './errors.ts'
import { PullProgress, readJsonLines } from './pull-progress.ts'

type Pull = NonNullable<StartProgress['pull']>

export interface PullLimits {
  /** Milliseconds for a whole pull. */
  totalMs: number
  /** Milliseconds without any message from the engine. */
  idleMs: number
}

interface Flight {
  done: Promise<void>
  watchers: Set<(pull: Pull) => void>
  latest?: Pull
  stop: () => void
}

/** Pulls images into one engine; callers who want the same image at the same time share one pull. */
export class ImagePuller {
  readonly #client: DockerClient
  readonly #limits: PullLimits
  readonly #flights = new Map<string, Flight>()

  constructor(client: DockerClient, limits: PullLimits) {
    this.#client = client
    this.#limits = limits
  }

  /** Throws `image_unavailable`, `timeout`, `cancelled`. The last caller who leaves stops the pull. */
  async pull(
    toolbox: Toolbox,
    platform: string | undefined,
    onPull: (pull: Pull) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const key = `${toolbox.image} ${platform ?? ''} ${toolbox.registryAuth?.username ?? ''}`
    const flight = this.#flights.get(key) ?? this.#start(key, toolbox, platform)
    flight.watchers.add(onPull)
    if (flight.latest) onPull(flight.latest)
    const left = Promise.withResolvers<never>()
    const leave = () => {
      left.reject(new HatchwayError('cancelled', `Pulling ${toolbox.image} was cancelled.`))
    }
    signal.addEventListener('abort', leave, { once: true })
    try {
      if (signal.aborted) leave()
      await Promise.race([flight.done, left.promise])
    } finally {
      signal.removeEventListener('abort', leave)
      flight.watchers.delete(onPull)
      if (flight.watchers.size === 0) flight.stop()
    }
  }

  #start(key: string, toolbox: Toolbox, platform: string | undefined): Flight {
    const controller = new AbortController()
    const forget = () => {
      if (this.#flights.get(key) === flight) this.#flights.delete(key)
    }
    const flight: Flight = {
      watchers: new Set(),
      // A caller who comes after the stop starts anew.
      stop: () => {
        forget()
        controller.abort()
      },
      done: this.#run(toolbox, platform, controller, (pull) => {
        flight.latest = pull
        for (const watcher of flight.watchers) watcher(pull)
      }).finally(forget),
    }
    flight.done.catch(() => {})
    this.#flights.set(key, flight)
    return flight
  }

  async #run(
    toolbox: Toolbox,
    platform: string | undefined,
    controller: AbortController,
    onPull: (pull: Pull) => void,
  ): Promise<void> {
    const { image, registryAuth } = toolbox
    const { totalMs, idleMs } = this.#limits
    let late: string | undefined
    const give = (words: string) => {
      late = words
      controller.abort()
    }
    const total = setTimeout(() => give(`took longer than ${seconds(totalMs)}`), totalMs)
    const idle = setTimeout(() => give(`made no progress for ${seconds(idleMs)}`), idleMs)
    try {
      const stream = await this.#client.stream({
        method: 'POST',
        path: '/images/create',
        query: { fromImage: fullReference(image), ...(platform === undefined ? {} : { platform }) },
        ...(registryAuth ? { auth: registryAuth } : {}),
        doing: `pull ${image}`,
        signal: controller.signal,
        timeoutMs: totalMs,
      })
      const stop = () => stream.destroy(new Error('aborted'))
      controller.signal.addEventListener('abort', stop, { once: true })
      const progress = new PullProgress()
      for await (const line of readJsonLines(stream)) {
        idle.refresh()
        progress.add(line)
        const { currentBytes, totalBytes, status } = progress
        onPull({ image, currentBytes, totalBytes, status })
      }
    } catch (cause) {
      if (late !== undefined) {
        throw new HatchwayError(
          'timeout',
          `Pulling ${image} ${late}. See the registry and the network of ${this.#client.environment}, then try again.`,
          { cause },
        )
      }
      throw pullFailure(cause, image, this.#client.environment)
    } finally {
      clearTimeout(total)
      clearTimeout(idle)
    }
  }
}

function pullFailure(cause: unknown, image: string, environment: string): HatchwayError {
  if (cause instanceof HatchwayError && ['backend_unavailable', 'cancelled', 'timeout'].includes(cause.code))
    return cause
  const words = cause instanceof HatchwayError ? dockerWords(cause) : messageOf(cause)
  const advice = /unauthorized|authentication|denied|401|403/i.test(words)
    ? 'See the name, and the credentials of the toolbox in the configuration.'
    : /not found|manifest unknown|no matching manifest|does not match/i.test(words)
      ? 'See the name and the tag, and whether the image exists for this platform.'
      : 'See whether the host can reach the registry, or load the image onto the host.'
  return new HatchwayError(
    'image_unavailable',
    `The image ${image} could not be pulled on ${environment}: ${words}. ${advice}`,
    { cause },
  )
}

/** Without a tag an engine would pull every tag there is. */
export function fullReference(image: string): string {
  const lastPart = image.slice(image.lastIndexOf('/') + 1)
  return image.includes('@') || lastPart.includes(':') ? image : `${image}:latest`
}

function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} seconds`
}
