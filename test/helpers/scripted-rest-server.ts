import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Takes over one request; the server itself answers when it returns false. */
export type Misbehaviour = (request: IncomingMessage, response: ServerResponse, body: Buffer) => boolean | void

/** A small REST server in this process that misbehaves as the test wants. Versions 1 and 2 of restic's protocol. */
export class ScriptedRestServer implements AsyncDisposable {
  /** What is stored, by path (`/data/<name>`). */
  readonly files = new Map<string, Buffer>()
  /** Every request so far: method and path. */
  readonly requests: string[] = []
  /** Every request's headers, in the same order. */
  readonly headers: IncomingMessage['headers'][] = []
  version = 2
  /** Asked first for each request whose body has been received. */
  misbehave: Misbehaviour = () => false
  /** Asked when only the headers are here; true when it takes over the connection. */
  misbehaveEarly: (request: IncomingMessage, response: ServerResponse) => boolean = () => false
  readonly #server = createServer((request, response) => this.#receive(request, response))

  private constructor() {
    const receive: RequestListener = (request, response) => {
      if (!this.misbehaveEarly(request, response)) response.writeContinue()
      this.#receive(request, response)
    }
    this.#server.on('checkContinue', receive)
  }

  static async start(): Promise<ScriptedRestServer> {
    const server = new ScriptedRestServer()
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve))
    return server
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #receive(request: IncomingMessage, response: ServerResponse): void {
    request.on('error', () => undefined)
    response.on('error', () => undefined)
    if (response.headersSent || response.destroyed) return
    if (request.headers.expect === undefined && this.misbehaveEarly(request, response)) return
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks)
      this.requests.push(`${request.method} ${request.url}`)
      this.headers.push(request.headers)
      if (this.misbehave(request, response, body) !== true && !response.headersSent)
        this.answer(request, response, body)
    })
  }

  /** The proper answer. */
  answer(request: IncomingMessage, response: ServerResponse, body: Buffer): void {
    const path = new URL(request.url ?? '/', 'http://host').pathname
    if (path.endsWith('/') && request.method === 'GET') return this.#list(path, response)
    if (path.endsWith('/')) return void response.writeHead(200).end()
    if (request.method === 'POST') return this.#store(path, body, response)
    const file = this.files.get(path)
    if (!file) return void response.writeHead(request.method === 'DELETE' ? 200 : 404).end()
    if (request.method === 'DELETE') this.files.delete(path)
    if (request.method === 'DELETE') return void response.writeHead(200).end()
    this.#give(file, request, response)
  }

  #list(path: string, response: ServerResponse): void {
    const entries = [...this.files].filter(([name]) => name.startsWith(path))
    const names = entries.map(([name, { length: size }]) => ({ name: name.slice(path.length), size }))
    const type = `application/vnd.x.restic.rest.v${this.version}`
    response.writeHead(200, { 'Content-Type': type })
    response.end(JSON.stringify(this.version === 2 ? names : names.map(({ name }) => name)))
  }

  #store(path: string, body: Buffer, response: ServerResponse): void {
    if (this.files.has(path)) return void response.writeHead(403).end()
    this.files.set(path, body)
    response.writeHead(200).end()
  }

  #give(file: Buffer, request: IncomingMessage, response: ServerResponse): void {
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '')
    if (!range) return void response.writeHead(200, { 'Content-Length': file.length }).end(file)
    const [first, last] = [Number(range[1]), Math.min(Number(range[2]), file.length - 1)]
    if (first >= file.length) return void response.writeHead(416).end()
    const part = file.subarray(first, last + 1)
    const headers = { 'Content-Length': part.length, 'Content-Range': `bytes ${first}-${last}/${file.length}` }
    response.writeHead(206, headers).end(part)
  }
}
