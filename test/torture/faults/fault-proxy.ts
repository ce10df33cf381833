/** A line to a server that goes wrong at random: stands between the program and a real HTTP server, in this process. */
import { createServer, request as send } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { randomFrom } from '../random.ts'
import type { Random } from '../random.ts'

export interface Trouble {
  readonly seed: number
  /** One request in 1/share goes wrong… */
  readonly share: number
  /** …and at most so many. */
  readonly most: number
}

type Mishap = (request: IncomingMessage, response: ServerResponse, body: Buffer) => void

export class FaultProxy implements AsyncDisposable {
  readonly #server: Server
  readonly #target: number
  #random: Random = randomFrom(0)
  #share = 0
  #left = 0
  /** Requests that went wrong so far. */
  mishaps = 0

  private constructor(target: number) {
    this.#target = target
    this.#server = createServer((request, response) => this.#receive(request, response))
  }

  /** `target`: the port of the real server. */
  static async start(target: number): Promise<FaultProxy> {
    const proxy = new FaultProxy(target)
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve))
    return proxy
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** From now on; `undefined`: everything passes. */
  trouble(trouble: Trouble | undefined): void {
    this.#random = randomFrom(trouble?.seed ?? 0)
    this.#share = trouble?.share ?? 0
    this.#left = trouble?.most ?? 0
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #receive(request: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = []
    request.on('error', () => undefined)
    response.on('error', () => undefined)
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const mishap = this.#chooseMishap()
      const body = Buffer.concat(chunks)
      if (mishap) mishap(request, response, body)
      else this.#forward(request, body, (answer, bytes) => give(answer, bytes, response))
    })
  }

  #chooseMishap(): Mishap | undefined {
    if (this.#left === 0 || this.#random.next() >= this.#share) return undefined
    this.#left--
    this.mishaps++
    return this.#random.pick(this.#all)
  }

  readonly #all: readonly Mishap[] = [
    (_, response) => void response.writeHead(500).end(),
    (_, response) => void response.writeHead(503, { 'Retry-After': '0' }).end(),
    (_, response) => void response.writeHead(429).end(),
    (request) => void request.socket.destroy(),
    // The reply is lost: what was asked has been done.
    (request, _, body) => this.#forward(request, body, () => request.socket.destroy()),
    // The reply is cut off in the middle.
    (request, response, body) =>
      this.#forward(request, body, (answer, bytes) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers)
        response.write(bytes.subarray(0, bytes.length >> 1), () => request.socket.destroy())
      }),
    (request, response, body) =>
      void setTimeout(() => this.#forward(request, body, (answer, bytes) => give(answer, bytes, response)), 400),
  ]

  #forward(request: IncomingMessage, body: Buffer, done: (answer: IncomingMessage, bytes: Buffer) => void): void {
    const { method, url: path, headers } = request
    const target = { host: '127.0.0.1', port: this.#target, method, path, headers: { ...headers, expect: undefined } }
    const onward = send({ ...target, headers: withoutUndefined(target.headers) }, (answer) => {
      const chunks: Buffer[] = []
      answer.on('data', (chunk: Buffer) => chunks.push(chunk))
      answer.on('end', () => done(answer, Buffer.concat(chunks)))
      answer.on('error', () => request.socket.destroy())
    })
    onward.on('error', () => request.socket.destroy())
    onward.end(body)
  }
}

function give(answer: IncomingMessage, bytes: Buffer, response: ServerResponse): void {
  if (!response.destroyed) response.writeHead(answer.statusCode ?? 500, answer.headers).end(bytes)
}

function withoutUndefined(
  headers: Readonly<Record<string, string | string[] | undefined>>,
): Record<string, string | string[]> {
  const entries = Object.entries(headers).filter(
    (entry): entry is [string, string | string[]] => entry[1] !== undefined,
  )
  return Object.fromEntries(entries)
}
