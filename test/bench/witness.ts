import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import type { Session } from '../../server/protocol/session-api.ts'
import type { TestGateway } from '../support/gateway.ts'
import type { WitnessMessage, WitnessOptions } from './witness-worker.ts'

/** Somebody in a session of their own who types fifty keys a second, and whose echo tells what the others cost them. */
export class Witness {
  readonly #worker: Worker

  private constructor(worker: Worker) {
    this.#worker = worker
  }

  /** Opens a session and begins to type in it. */
  static async start(gateway: TestGateway, target: string, shell: boolean): Promise<Witness> {
    const who = 'witness'
    const { id } = await gateway.api<Session>('POST', '/sessions', { target, reason: 'benchmark' }, who)
    const workerData: WitnessOptions = {
      address: `${gateway.url.replace('http', 'ws')}/api/v1/sessions/${id}/terminal`,
      authorization: `Bearer ${await gateway.token(who)}`,
      shell,
    }
    const worker = new Worker(new URL('witness-worker.ts', import.meta.url), { workerData })
    await once(worker, 'message')
    return new Witness(worker)
  }

  /** The echoes while `work` is done, and for as long as it takes to have `seconds` of them. */
  async during(work: () => Promise<void>, seconds: number): Promise<number[]> {
    await this.#take()
    await Promise.all([work(), delay(seconds * 1000)])
    return await this.#take()
  }

  async stop(): Promise<void> {
    await this.#worker.terminate()
  }

  async #take(): Promise<number[]> {
    const answer = once(this.#worker, 'message') as Promise<[WitnessMessage]>
    this.#worker.postMessage('tell')
    const [message] = await answer
    return 'echoes' in message ? message.echoes : []
  }
}
