import { randomBytes } from 'node:crypto'
import type Docker from 'dockerode'
import type { TestEngine } from './engine.ts'
import { ensureImages, imageRef, type ImageName } from './images.ts'

const owner = 'hatchway-test.owner'

export interface TestContainerSpec {
  image: ImageName
  name?: string
  user?: string
  cmd?: readonly string[]
  labels?: Readonly<Record<string, string>>
  host?: Docker.HostConfig
  /** Only created when false. */
  start?: boolean
}

export interface TestContainer {
  id: string
  name: string
  container: Docker.Container
}

/**
 * A container of a test image, which the caller removes. Without a network of its own unless `host` says otherwise:
 * not every test engine has a bridge.
 */
export async function runTarget(docker: Docker, spec: TestContainerSpec): Promise<TestContainer> {
  await ensureImages(docker, spec.image)
  const name = spec.name ?? `hatchway-test-${spec.image}-${randomBytes(4).toString('hex')}`
  const container = await docker.createContainer({
    name,
    Image: imageRef(spec.image),
    Labels: { ...spec.labels },
    HostConfig: { NetworkMode: 'none', ...spec.host },
    ...(spec.user === undefined ? {} : { User: spec.user }),
    ...(spec.cmd === undefined ? {} : { Cmd: [...spec.cmd] }),
  })
  if (spec.start !== false) await container.start()
  return { id: container.id, name, container }
}

/** Containers that one test file makes on one engine, and takes away again. */
export class TestContainers {
  readonly engine: TestEngine
  readonly #owner = randomBytes(6).toString('hex')

  constructor(engine: TestEngine) {
    this.engine = engine
  }

  async start(spec: TestContainerSpec): Promise<TestContainer> {
    return runTarget(this.engine.docker, { ...spec, labels: { ...spec.labels, [owner]: this.#owner } })
  }

  /** Takes away what this instance made, and every debug container of these installations. */
  async removeAll(...installations: string[]): Promise<void> {
    const labels = [`${owner}=${this.#owner}`, ...installations.map((id) => `hatchway.installation=${id}`)]
    for (const label of labels) {
      const found = await this.engine.docker.listContainers({ all: true, filters: { label: [label] } })
      await Promise.all(found.map((each) => this.remove(each.Id)))
    }
  }

  /** Gone already, or on its way out, is as good. */
  async remove(id: string): Promise<void> {
    await this.engine.docker
      .getContainer(id)
      .remove({ force: true, v: true })
      .catch((cause: unknown) => {
        const status = (cause as { statusCode?: number }).statusCode
        if (status !== 404 && status !== 409) throw cause
      })
  }
}
