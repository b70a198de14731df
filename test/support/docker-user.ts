import type Docker from 'dockerode'
import type { Target } from '../../server/core/target.ts'
import { deadline, DriverUser } from '../contract/driver-ground.ts'
import { TestContainers, type TestContainer, type TestContainerSpec } from './containers.ts'
import { dockerGround } from './docker-ground.ts'
import type { TestEngine } from './engine.ts'

/** A driver on one Docker engine, with containers of any shape to debug. */
export class DockerUser extends DriverUser {
  readonly engine: TestEngine
  readonly #containers: TestContainers

  private constructor(engine: TestEngine, ground: Awaited<ReturnType<typeof dockerGround>>) {
    super(ground)
    this.engine = engine
    this.#containers = new TestContainers(engine)
  }

  static async on(engine: TestEngine): Promise<DockerUser> {
    const user = new DockerUser(engine, await dockerGround(engine))
    await user.start()
    return user
  }

  get docker(): Docker {
    return this.engine.docker
  }

  run(spec: TestContainerSpec): Promise<TestContainer> {
    return this.#containers.start(spec)
  }

  find(name: string): Promise<Target> {
    return this.access.find({ kind: 'docker', environment: 'local', container: name }, {}, deadline())
  }

  /** Starts a container and finds it through the driver. */
  async target(spec: TestContainerSpec): Promise<Target & TestContainer> {
    const made = await this.run(spec)
    return { ...(await this.find(made.name)), ...made }
  }

  override async close(): Promise<void> {
    await this.stopAll()
    await this.#containers.removeAll()
    await super.close()
  }
}
