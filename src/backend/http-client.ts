import type http from 'node:http'
import type { ClientRequest, IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import type https from 'node:https'
import type { LookupFunction, Socket } from 'node:net'
import { Readable } from 'node:stream'
import { builtIn, hasCode } from '#base'
import type { CallOptions } from './backend.ts'
import { BackendError } from './errors.ts'
import { limited, type RateLimits } from './limit.ts'
import { loadTls, type TlsOptions } from './tls-files.ts'

export interface HttpClientOptions {
  /** For messages. */
  readonly location: string
  readonly credentials?: Credentials | undefined
  /** A Unix socket to connect to, whatever the URL says. */
  readonly socketPath?: string | undefined
  /** Idle connections that are kept for the next request. */
  readonly connections: number
  readonly tls?: TlsOptions | undefined
  readonly limits?: RateLimits | undefined
  /** Where `HTTP_PROXY` and its like are looked up. */
  readonly env?: NodeJS.ProcessEnv | undefined
  /** False when requests are signed for one host: another would refuse them. Default: true. */
  readonly followRedirects?: boolean | undefined
  readonly admit?: Admit | undefined
}

/**
 * The addresses at which a host may be reached, at least one; throws when there is none. For locations that somebody entered
 * who must not get further into this machine's network by them: it is asked for every host that is connected to, also after
 * a redirect, and just these addresses are connected to, whatever the name leads to a moment later. Proxies are not used then:
 * they would look up names by themselves.
 */
export type Admit = (host: string) => Promise<readonly AdmittedAddress[]>

export interface AdmittedAddress {
  readonly address: string
  readonly family: 4 | 6
}

export interface Credentials {
  readonly user: string
  readonly password: string
}

export interface HttpRequest extends CallOptions {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE'
  readonly url: URL
  readonly headers?: OutgoingHttpHeaders | undefined
  readonly body?: Uint8Array | undefined
}

export interface HttpResponse {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  /** The body. It must be read to the end, discarded or destroyed. */
  readonly body: Readable
}

const connectTimeout = 30_000
/** A server that does not know `Expect` gets the body after this wait, and no further `Expect`. */
const expectTimeout = 1000
/** From this size on we ask before we send: a refusal then costs no upload, and arrives whole instead of as a reset. */
const expectFrom = 256 << 10
const uploadStride = 256 << 10
const mostRedirects = 10
const mostStaleConnections = 5

/** Requests over kept connections, with redirects, uploads that stop when the answer is there, and abort at any moment. */
export class HttpClient implements Disposable {
  readonly #options: HttpClientOptions
  readonly #httpAgent: http.Agent
  readonly #httpsAgent: https.Agent
  #expects = true

  constructor(options: HttpClientOptions) {
    this.#options = options
    const proxyEnv = options.admit ? undefined : options.env
    const shared = { keepAlive: true, maxFreeSockets: options.connections, timeout: 90_000, proxyEnv }
    this.#httpAgent = new (builtIn('node:http').Agent)(shared)
    this.#httpsAgent = new (builtIn('node:https').Agent)({ ...shared, ...loadTls(options.tls ?? {}) })
  }

  /** Resolves with any status that is no redirect to be followed; rejects with what Node says went wrong. */
  async request(request: HttpRequest): Promise<HttpResponse> {
    let { url } = request
    for (let hops = 0; hops <= mostRedirects; hops++) {
      const response = await this.#sendFresh(request, url)
      const next = this.#redirectOf(request, url, response)
      if (!next) return response
      await discard(response)
      url = next
    }
    throw new BackendError('STORAGE_FAILED', { location: this.#options.location, reason: 'it redirects in circles' })
  }

  [Symbol.dispose](): void {
    this.#httpAgent.destroy()
    this.#httpsAgent.destroy()
  }

  /** A kept connection may have been closed by the server in the same moment: then the request goes out anew. */
  async #sendFresh(request: HttpRequest, url: URL): Promise<HttpResponse> {
    for (let attempt = 1; ; attempt++) {
      const { limits = {}, admit } = this.#options
      const lookup = admit && answerWith(await admit(url.hostname))
      const sending = new Sending(this.#start(request, { url, lookup }), request, { expects: this.#expects, limits })
      try {
        const response = await sending.response
        if (sending.expectIgnored) this.#expects = false
        return response
      } catch (thrown) {
        const isStale = sending.reusedConnection && (hasCode(thrown, 'ECONNRESET') || hasCode(thrown, 'EPIPE'))
        if (!isStale || attempt >= mostStaleConnections || request.signal?.aborted) throw thrown
      }
    }
  }

  #start(
    { method, url: asked, headers, body }: HttpRequest,
    { url, lookup }: { readonly url: URL; readonly lookup: LookupFunction | undefined },
  ): ClientRequest {
    const { socketPath } = this.#options
    const isOurHost = url.hostname === asked.hostname // a host that we were redirected to gets no password
    const isSecure = url.protocol === 'https:'
    return builtIn(isSecure ? 'node:https' : 'node:http').request(url, {
      method,
      agent: isSecure ? this.#httpsAgent : this.#httpAgent,
      ...(socketPath === undefined ? {} : { socketPath }),
      ...(lookup && { lookup }),
      headers: {
        'User-Agent': 'understudy',
        'Accept-Encoding': 'identity',
        ...(isOurHost ? this.#authorization() : {}),
        ...headers,
        ...(body ? { 'Content-Length': body.length } : {}),
        ...(body && body.length >= expectFrom && this.#expects ? { Expect: '100-continue' } : {}),
      },
    })
  }

  #authorization(): OutgoingHttpHeaders {
    const { credentials } = this.#options
    if (!credentials) return {}
    const token = Buffer.from(`${credentials.user}:${credentials.password}`).toString('base64')
    return { Authorization: `Basic ${token}` }
  }

  /** Where to go next. Reads follow every redirect; writes only those that keep method and body (307, 308). */
  #redirectOf(request: HttpRequest, from: URL, { status, headers }: HttpResponse): URL | undefined {
    const isRead = request.method === 'GET' || request.method === 'HEAD'
    const follows = isRead ? [301, 302, 303, 307, 308] : [307, 308]
    if (this.#options.followRedirects === false) return undefined
    if (!follows.includes(status) || headers.location === undefined || !URL.canParse(headers.location, from.href)) {
      return undefined
    }
    const next = new URL(headers.location, from)
    const { location } = this.#options
    if (from.protocol === 'https:' && next.protocol !== 'https:') {
      throw new BackendError('TLS_REFUSED', { location, reason: 'it redirects to an address without encryption' })
    }
    if (next.protocol !== 'http:' && next.protocol !== 'https:') return undefined
    next.username = next.password = ''
    return next
  }
}

/** The name was looked up and its addresses were judged: nothing is looked up again. */
function answerWith(addresses: readonly AdmittedAddress[]): LookupFunction {
  return (_host, options, callback) => {
    const [first] = addresses
    if (options.all) callback(null, [...addresses])
    else callback(null, first?.address ?? '', first?.family)
  }
}

/** One request under way. */
class Sending {
  readonly response: Promise<HttpResponse>
  expectIgnored = false
  readonly #request: ClientRequest
  #answered = false

  constructor(
    request: ClientRequest,
    { body, signal, progress, waited }: HttpRequest,
    { expects, limits }: { readonly expects: boolean; readonly limits: RateLimits },
  ) {
    this.#request = request
    this.response = new Promise((resolve, reject) => {
      const abort = () => request.destroy(signal?.reason as Error)
      if (signal?.aborted) abort()
      signal?.addEventListener('abort', abort, { once: true })
      request.on('close', () => signal?.removeEventListener('abort', abort))
      request.on('socket', (socket) => limitConnecting(socket, request))
      request.on('error', (error) => reject(signal?.aborted ? (signal.reason as Error) : error))
      request.on('response', (message) => {
        this.#answered = true
        message.on('error', () => undefined) // whoever reads the body is told, nobody else need be
        // An answer before the body was sent: the connection is in an unknown state and not used again.
        if (!request.writableEnded) message.on('close', () => request.destroy())
        const held = slowedDown(message, limits, { signal, waited })
        resolve({ status: message.statusCode ?? 0, headers: message.headers, body: held })
      })
    })
    this.response.catch(() => undefined)
    this.#send(body, { expects, limits, signal, progress, waited }).catch((error: Error) => request.destroy(error))
  }

  get reusedConnection(): boolean {
    return this.#request.reusedSocket
  }

  async #send(
    body: Uint8Array | undefined,
    { expects, limits, ...options }: { readonly expects: boolean; readonly limits: RateLimits } & CallOptions,
  ): Promise<void> {
    const request = this.#request
    if (body && body.length >= expectFrom && expects) await this.#awaitContinue()
    const length = body?.length ?? 0
    const stride = limits.upload?.stride ?? uploadStride
    for (let sent = 0; sent < length && !this.#over; sent += stride) {
      const piece = (body as Uint8Array).subarray(sent, sent + stride)
      await limits.upload?.take(piece.length, options)
      await this.#write(piece)
      options.progress?.(piece.length)
    }
    if (!this.#over) request.end()
  }

  get #over(): boolean {
    return this.#answered || this.#request.destroyed
  }

  /** Resolves when the server wants the body, has answered without it, or has been silent for a while. */
  async #awaitContinue(): Promise<void> {
    const request = this.#request
    request.flushHeaders()
    await new Promise<void>((resolve) => {
      let timer: NodeJS.Timeout | undefined
      const done = () => {
        clearTimeout(timer)
        resolve()
      }
      const startTimer = () => {
        timer = setTimeout(() => {
          this.expectIgnored = true
          done()
        }, expectTimeout)
      }
      request.once('continue', done).once('response', done).once('close', done)
      request.once('socket', (socket) => (socket.connecting ? socket.once('connect', startTimer) : startTimer()))
    })
  }

  /** Resolves when the piece has left for the system, so that bytes count as progress only when they move. */
  async #write(piece: Uint8Array): Promise<void> {
    const request = this.#request
    await new Promise<void>((resolve) => {
      const done = () => {
        request.off('response', done)
        request.off('close', done)
        resolve()
      }
      request.once('response', done).once('close', done)
      request.write(piece, done) // an error comes as the request's 'error'
    })
  }
}

/** The body, held back so that it does not come faster than it may. */
function slowedDown(message: IncomingMessage, { download }: RateLimits, options: CallOptions): Readable {
  if (!download) return message
  const body = Readable.from(limited(message as AsyncIterable<Buffer>, download, options), { objectMode: false })
  body.on('error', () => undefined) // as for the message itself
  return body.on('close', () => message.destroy())
}

function limitConnecting(socket: Socket, request: ClientRequest): void {
  if (!socket.connecting) return
  const late = Object.assign(new Error('no connection in time'), { code: 'ETIMEDOUT' })
  const timer = setTimeout(() => request.destroy(late), connectTimeout)
  const clear = () => clearTimeout(timer)
  socket.once('encrypted' in socket ? 'secureConnect' : 'connect', clear)
  socket.once('close', clear)
}

/** Bytes of an unwanted body that are read so that the connection can be used again; more is not worth it. */
const mostDiscarded = 256 << 10

/** Gets rid of a body. */
export async function discard({ body }: HttpResponse): Promise<void> {
  let seen = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    seen += chunk.length
    if (seen > mostDiscarded) break // leaving the loop destroys the body
  }
}

/** Proxies are for the way out of this machine. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname)
}
