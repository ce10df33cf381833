import { request as requestHttp } from 'node:http'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { request as requestHttps } from 'node:https'
import type { RequestOptions } from 'node:https'
import { connect } from 'node:tls'
import type { TLSSocket } from 'node:tls'
import { messageOf } from '#base'
import type { Cancellable } from '#base'
import { errorAnswerSchema } from '#protocol'
import type { z } from 'zod'
import { CallError, ServerRefusal } from './errors.ts'

/** A server as this terminal knows it. */
export interface KnownServer {
  /** Without a slash at the end. */
  readonly url: string
  /** SHA-256 of the one certificate to accept, in hexadecimal digits; undefined: what the system trusts. */
  readonly fingerprint?: string | undefined
}

export interface Call {
  readonly method: string
  /** With its query. */
  readonly path: string
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly json: unknown
}

/** An answer whose body is still to be read, or to be destroyed. */
export interface OpenAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: IncomingMessage
}

/** Milliseconds of silence after which a call is given up: longer than any call that the server answers. */
const patience = 120_000
/** Bytes of an answer at most: no list that the server gives in one answer is as long. */
const mostAnswer = 64 << 20

/** Reads the address of a server as somebody types it. Throws `SERVER_ADDRESS_INVALID`. */
export function parseServerAddress(typed: string): string {
  const url = URL.parse(/^https?:\/\//.test(typed) ? typed : `https://${typed}`)
  // On its own machine a server speaks plain HTTP, if nothing else is said.
  if (url && !typed.startsWith('http') && isThisMachine(url.hostname)) url.protocol = 'http:'
  const isWhole =
    url && url.username === '' && url.password === '' && url.pathname === '/' && url.search + url.hash === ''
  if (!isWhole || (url.protocol === 'http:' && !isThisMachine(url.hostname))) {
    throw new CallError('SERVER_ADDRESS_INVALID', { address: typed })
  }
  return url.origin
}

function isThisMachine(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname)
}

/**
 * Calls the API and gives what it answers. Throws what the server refuses as `ServerRefusal`; `SERVER_NOT_REACHED`,
 * `CERTIFICATE_CHANGED`, `CERTIFICATE_NOT_TRUSTED`, `ANSWER_INVALID`.
 */
export async function callApi(server: KnownServer, call: Call, options: Cancellable = {}): Promise<unknown> {
  const { status, json } = await exchange(server, call, options)
  if (status === 200) return json
  throw refusalOf(server, status, json)
}

/** The same for what may be no JSON: its body is read by `piecesOf` or `readJson`. Throws as `callApi`. */
export async function openApi(server: KnownServer, call: Call, options: Cancellable = {}): Promise<OpenAnswer> {
  const answer = await open(server, call, options)
  if (answer.status === 200) return answer
  throw refusalOf(server, answer.status, await readJson(server, answer, options))
}

/** The bytes of an answer, as they come. Throws `SERVER_NOT_REACHED` when they end too early. */
export async function* piecesOf(
  server: KnownServer,
  { body }: OpenAnswer,
  { signal }: Cancellable = {},
): AsyncGenerator<Buffer> {
  try {
    yield* body as AsyncIterable<Buffer>
  } catch (thrown) {
    signal?.throwIfAborted()
    throw notReached(server, thrown)
  }
}

function refusalOf({ url }: KnownServer, status: number, json: unknown): Error {
  const { data } = errorAnswerSchema.safeParse(json)
  if (data && /^[A-Z][A-Z0-9_]{1,60}$/.test(data.code)) return new ServerRefusal(data)
  return new CallError('ANSWER_INVALID', { url, reason: `it answered with status ${status}` })
}

/** What a call must have answered. Throws `ANSWER_INVALID`. */
export function readAnswer<Schema extends z.ZodType>(
  schema: Schema,
  json: unknown,
  server: KnownServer,
): z.output<Schema> {
  const { data, success } = schema.safeParse(json)
  if (success) return data
  throw invalid(server, 'its answer is not what this version understands')
}

/** One call, whatever its status. */
export async function exchange(server: KnownServer, call: Call, options: Cancellable = {}): Promise<Answer> {
  const answer = await open(server, call, options)
  const { status, headers } = answer
  return { status, headers, json: await readJson(server, answer, options) }
}

/** Throws `ANSWER_INVALID`, `SERVER_NOT_REACHED`. */
export async function readJson(server: KnownServer, answer: OpenAnswer, options: Cancellable): Promise<unknown> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of piecesOf(server, answer, options)) {
    chunks.push(chunk)
    length += chunk.length
    if (length > mostAnswer) throw invalid(server, 'its answer is too long') // leaving the loop ends the call
  }
  const json = parseJson(Buffer.concat(chunks))
  if (json === undefined) throw invalid(server, 'its answer is not JSON')
  return json
}

async function open(server: KnownServer, call: Call, { signal }: Cancellable): Promise<OpenAnswer> {
  try {
    return await send(server, call, { signal })
  } catch (thrown) {
    signal?.throwIfAborted()
    if (thrown instanceof CallError) throw thrown
    const isUntrusted = server.fingerprint === undefined && server.url.startsWith('https:') && isOfCertificate(thrown)
    if (isUntrusted) throw await notTrusted(server)
    throw notReached(server, thrown)
  }
}

async function send(
  server: KnownServer,
  { method, path, body, headers }: Call,
  { signal }: Cancellable,
): Promise<OpenAnswer> {
  const text = body === undefined ? undefined : JSON.stringify(body)
  const about = text !== undefined && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }
  const options: RequestOptions = {
    method,
    headers: { ...headers, ...about },
    timeout: patience,
    ...(signal && { signal }),
    ...(await connectPinned(server, { signal })),
  }
  const { url } = server
  return await new Promise((resolve, reject) => {
    const request = (url.startsWith('https:') ? requestHttps : requestHttp)(url + path, options, (response) =>
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: response }),
    )
    request.on('timeout', () => request.destroy(new Error('it does not answer')))
    request.on('error', reject)
    request.end(text)
  })
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    return undefined
  }
}

/** Accepts just the one certificate, whatever name is in it and whoever vouches; before it is known, nothing is sent. */
async function connectPinned(server: KnownServer, options: Cancellable): Promise<RequestOptions> {
  const { fingerprint, url } = server
  if (fingerprint === undefined) return { agent: false }
  const socket = await openTls(server, options)
  if (fingerprintOf(socket) === fingerprint) return { createConnection: () => socket }
  socket.destroy()
  throw new CallError('CERTIFICATE_CHANGED', { url })
}

async function openTls({ url }: KnownServer, { signal }: Cancellable = {}): Promise<TLSSocket> {
  const { hostname, port } = new URL(url)
  const host = hostname.replace(/^\[|\]$/g, '')
  return await new Promise((resolve, reject) => {
    const about = { host, port: Number(port || 443), rejectUnauthorized: false, timeout: 30_000 }
    const socket = connect(about, () => {
      signal?.removeEventListener('abort', abort)
      resolve(socket.setTimeout(0))
    })
    const abort = () => void socket.destroy(new Error('the command was ended'))
    signal?.addEventListener('abort', abort, { once: true })
    socket.on('timeout', () => socket.destroy(new Error('it does not answer')))
    socket.on('error', reject)
  })
}

function fingerprintOf(socket: TLSSocket): string | undefined {
  return socket.getPeerX509Certificate()?.fingerprint256.replaceAll(':', '').toLowerCase()
}

// OpenSSL’s words: DEPTH_ZERO_SELF_SIGNED_CERT, UNABLE_TO_VERIFY_LEAF_SIGNATURE, …; Node’s own for the name.
function isOfCertificate(thrown: unknown): boolean {
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : ''
  return /CERT|UNABLE_TO_(GET|VERIFY)|ERR_TLS_CERT/.test(code)
}

async function notTrusted(server: KnownServer): Promise<CallError> {
  try {
    const socket = await openTls(server)
    const fingerprint = fingerprintOf(socket)
    socket.destroy()
    return new CallError('CERTIFICATE_NOT_TRUSTED', { url: server.url, fingerprint })
  } catch (thrown) {
    return notReached(server, thrown)
  }
}

function notReached({ url }: KnownServer, cause: unknown): CallError {
  return new CallError('SERVER_NOT_REACHED', { url, reason: reasonOf(cause), transient: true, cause })
}

// Where a name has several addresses, Node throws one error of them all, without a message.
function reasonOf(thrown: unknown): string {
  if (thrown instanceof AggregateError) return thrown.errors.map(messageOf).join(', ')
  return messageOf(thrown)
}

function invalid({ url }: KnownServer, reason: string): CallError {
  return new CallError('ANSWER_INVALID', { url, reason })
}
