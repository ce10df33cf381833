import { createHash, randomBytes, X509Certificate } from 'node:crypto'
import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import type { RequestOptions } from 'node:https'
import { connect } from 'node:tls'
import { messageOf, systemClock } from '#base'
import type { Cancellable, Clock } from '#base'
import {
  agentProtocols,
  errorAnswerSchema,
  formatMachineSignature,
  protocolHeader,
  serverTimeHeader,
  signedText,
} from '#protocol'
import type { z } from 'zod'
import { AgentError } from '../errors.ts'
import type { MachineKey } from './machine-key.ts'

/** The server as the machine knows it. */
export interface KnownServer {
  readonly origin: string
  /** PEM of the certificate to accept, and no other; undefined: what the system trusts. */
  readonly certificate?: string | undefined
}

export interface LinkOptions {
  /** Of this program. */
  readonly version: string
  readonly clock?: Clock
  /** Milliseconds without an answer after which a call is given up. */
  readonly patience?: number
}

export interface Machine {
  readonly id: string
  readonly key: MachineKey
}

/** Calls the server: the machine always calls, and is never called, so that it works behind any router. */
export class ServerLink {
  readonly server: KnownServer
  readonly #clock: Clock
  readonly #patience: number
  readonly #version: string
  /** By how much the server's clock is ahead of this machine's, as its last answer said. */
  #serverAhead = 0
  /** Every other call throws this: what is said must not go to whoever answers now. Undefined: all calls are made. */
  onlyCall: { readonly path: string; readonly error: AgentError } | undefined

  constructor(server: KnownServer, { version, clock = systemClock, patience = 60_000 }: LinkOptions) {
    this.server = server
    this.#clock = clock
    this.#patience = patience
    this.#version = version
  }

  /**
   * Posts a value and reads the answer by its schema; signed by the machine, where one is given. A machine whose clock is
   * wrong is told the server's time with the refusal, and asks once more by that.
   * Throws `SERVER_UNREACHABLE`, `SERVER_NOT_KNOWN`, `SERVER_REFUSED`, `VERSIONS_DIFFER`.
   */
  async post<Schema extends z.ZodType>(
    path: string,
    body: unknown,
    { answer, machine, signal }: { readonly answer: Schema; readonly machine?: Machine } & Cancellable,
  ): Promise<z.output<Schema>> {
    if (this.onlyCall && path !== this.onlyCall.path) throw this.onlyCall.error
    const text = JSON.stringify(body)
    let got = await this.#send(path, text, machine, { signal })
    if (got.status === 401 && machine && this.#learnTime(got)) got = await this.#send(path, text, machine, { signal })
    this.#learnTime(got)
    const json = this.#parse(got)
    if (isPassing(got.status)) throw this.#unreachable(refusal(got.status, json))
    if (got.status !== 200) throw refusal(got.status, json)
    const read = answer.safeParse(json)
    if (read.success) return read.data
    throw this.#unreachable(new Error('its answer is not what this version understands'))
  }

  /** Whether the server's time is another than was thought. */
  #learnTime({ time }: Answer): boolean {
    if (time === undefined) return false
    const ahead = time - this.#clock.now()
    const isNews = Math.abs(ahead - this.#serverAhead) > 60_000
    this.#serverAhead = ahead
    return isNews
  }

  async #send(path: string, body: string, machine: Machine | undefined, { signal }: Cancellable): Promise<Answer> {
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      'user-agent': `understudy/${this.#version}`,
      [protocolHeader]: String(agentProtocols.newest),
    }
    const authorization = machine && this.#authorize(machine, path, body)
    const options: RequestOptions = {
      method: 'POST',
      timeout: this.#patience,
      headers: { ...headers, ...(authorization !== undefined && { authorization }) },
      ...(signal && { signal }),
      ...pinned(this.server),
    }
    try {
      return await exchange(this.server.origin + path, options, body)
    } catch (thrown) {
      signal?.throwIfAborted()
      throw thrown instanceof AgentError ? thrown : this.#unreachable(thrown)
    }
  }

  #authorize({ id: machineId, key }: Machine, target: string, body: string): string {
    const time = Math.round(this.#clock.now() + this.#serverAhead)
    const nonce = randomBytes(18).toString('base64url')
    const bodyHash = createHash('sha256').update(body).digest('hex')
    const signature = key.sign(signedText({ machineId, time, nonce }, { method: 'POST', target, bodyHash }))
    return formatMachineSignature({ machineId, time, nonce, signature })
  }

  #parse({ body, status }: Answer): unknown {
    try {
      return JSON.parse(body)
    } catch {
      throw this.#unreachable(new Error(`it answered with status ${status} and no JSON`))
    }
  }

  #unreachable(cause: unknown): AgentError {
    const { origin } = this.server
    return new AgentError('SERVER_UNREACHABLE', { origin, reason: messageOf(cause), transient: true, cause })
  }
}

interface Answer {
  readonly status: number
  readonly body: string
  /** The server's clock. */
  readonly time: number | undefined
}

/** Bytes of an answer at most: more is none of ours. */
const mostAnswer = 8 << 20

async function exchange(url: string, options: RequestOptions, body: string): Promise<Answer> {
  return await new Promise((resolve, reject) => {
    const request = (url.startsWith('https:') ? requestHttps : requestHttp)(url, options, (response) => {
      const chunks: Buffer[] = []
      let length = 0
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        length += chunk.length
        if (length > mostAnswer) request.destroy(new Error('its answer is too long'))
      })
      response.on('error', reject)
      response.on('end', () => {
        const time = Number(response.headers[serverTimeHeader])
        resolve({
          status: response.statusCode ?? 0,
          body: Buffer.concat(chunks).toString('utf8'),
          time: Number.isSafeInteger(time) && time > 0 ? time : undefined,
        })
      })
    })
    request.on('timeout', () => request.destroy(new Error('it does not answer')))
    request.on('error', reject)
    request.end(body)
  })
}

/** It will be answered otherwise some time: the server is in trouble, or has too much to do. */
function isPassing(status: number): boolean {
  return status >= 500 || status === 429
}

/** RFC 9110, 15.5.22. */
const upgradeRequired = 426

function refusal(status: number, json: unknown): AgentError {
  const read = errorAnswerSchema.safeParse(json)
  const {
    code: serverCode,
    message,
    hint: serverHint,
  } = read.data ?? { code: '?', message: 'it did not say why', hint: '' }
  if (status === upgradeRequired) return new AgentError('VERSIONS_DIFFER', { reason: message, serverHint })
  return new AgentError('SERVER_REFUSED', { reason: message, status, serverCode, serverHint })
}

/** Accepts just this certificate: whose name is in it does not matter then, and no authority can vouch for another. */
function pinned({ origin, certificate }: KnownServer): RequestOptions {
  if (certificate === undefined) return {}
  const expected = new X509Certificate(certificate).fingerprint256
  return {
    ca: certificate,
    checkServerIdentity: (_, { fingerprint256 }) =>
      fingerprint256 === expected ? undefined : new AgentError('SERVER_NOT_KNOWN', { origin }),
  }
}

/** Fetches the certificate of a server that shows this fingerprint. Throws `SERVER_UNREACHABLE`, `SERVER_NOT_KNOWN`. */
export async function fetchCertificate(origin: string, fingerprint: string): Promise<string> {
  const { hostname, port } = new URL(origin)
  const host = hostname.replace(/^\[|\]$/g, '')
  return await new Promise((resolve, reject) => {
    const fail = (cause: Error) =>
      reject(new AgentError('SERVER_UNREACHABLE', { origin, reason: cause.message, transient: true, cause }))
    // Nothing is sent before the certificate is known to be the right one.
    const socket = connect({ host, port: Number(port || 443), rejectUnauthorized: false, timeout: 30_000 }, () => {
      const shown = socket.getPeerX509Certificate()
      socket.destroy()
      const found = shown?.fingerprint256.replaceAll(':', '').toLowerCase()
      if (shown && found === fingerprint) resolve(shown.toString())
      else reject(new AgentError('SERVER_NOT_KNOWN', { origin }))
    })
    socket.on('timeout', () => socket.destroy(new Error('it does not answer')))
    socket.on('error', fail)
  })
}
