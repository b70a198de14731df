import { request } from 'node:http'
import type { TestGateway } from './gateway.ts'

/** For the gateway's configuration: it believes what {@link ManyAddresses} says about where a request is from. */
export const behindProxy = { trustProxy: ['127.0.0.1'] }

export interface RawAnswer {
  status: number
  headers: NodeJS.Dict<string | string[]>
  text: string
}

/** Whoever has a network: each request comes from another address, so that no limit per address answers for a defence. */
export class ManyAddresses {
  readonly #gateway: Pick<TestGateway, 'url'>
  #next = 0

  constructor(gateway: Pick<TestGateway, 'url'>) {
    this.#gateway = gateway
  }

  address(): string {
    const n = this.#next++
    return `198.18.${(n >> 8) & 255}.${n & 255}`
  }

  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers)
    headers.set('x-forwarded-for', this.address())
    return fetch(`${this.#gateway.url}${path}`, { redirect: 'manual', ...init, headers })
  }

  /** Sends the path and the headers as they are: `fetch` would tidy them up, or refuse to send them. */
  raw(
    method: string,
    path: string,
    { headers = {}, body }: { headers?: Record<string, string>; body?: string | Buffer } = {},
  ): Promise<RawAnswer> {
    const { hostname, port, host } = new URL(this.#gateway.url)
    const length =
      body === undefined || body.length === 0 ? {} : { 'content-length': String(Buffer.byteLength(body)) }
    const sent = { host, 'x-forwarded-for': this.address(), ...length, ...headers }
    return new Promise((resolve, reject) => {
      const call = request({ hostname, port, method, path, headers: sent, agent: false }, (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.once('error', reject)
        response.once('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text: Buffer.concat(chunks).toString(),
          }),
        )
      })
      call.once('error', reject)
      call.once('upgrade', (response, socket) => {
        socket.destroy()
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text: '' })
      })
      call.end(body)
    })
  }
}
