/** One HTTP call to an address that a person has entered: guarded, without redirects, with a limit on time and answer. */
import http, { type IncomingMessage } from 'node:http'
import https from 'node:https'
import type { LookupFunction } from 'node:net'
import { printable } from '#base'
import { AlertError } from '../errors.ts'
import { hour } from '../units.ts'
import type { Address, AddressGuard } from './address-guard.ts'
import { maskSecrets } from './secrets.ts'

export interface Outside {
  readonly guard: AddressGuard
  /** Milliseconds for everything: looking up, connecting, sending, the answer. */
  readonly timeout: number
  /** Authorities to trust instead of the system's, in PEM. */
  readonly ca?: string | undefined
}

export interface Call {
  readonly url: string
  readonly method: 'GET' | 'POST'
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly body?: string | undefined
  /** What must not show in an error. */
  readonly secrets: readonly string[]
}

/** As much of an answer as is read. */
const mostAnswer = 16 << 10
/** As much of it as is shown. */
const mostShown = 200
/** Nobody who is asked to wait waits longer. */
const longestWait = hour

/** What the other side said, when it took the call; throws an `AlertError` when it did not. */
export async function call(
  request: Call,
  outside: Outside,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<string> {
  const { hostname, protocol } = new URL(request.url)
  const deadline = AbortSignal.timeout(outside.timeout)
  const ending = signal ? AbortSignal.any([signal, deadline]) : deadline
  try {
    const addresses = await untilAborted(outside.guard.addressesOf(hostname), ending)
    if (protocol === 'http:' && !addresses.every(({ isAllowed }) => isAllowed)) {
      throw new AlertError('ALERT_NOT_ENCRYPTED', { host: hostname })
    }
    return judge(hostname, await send(request, { addresses, ca: outside.ca, signal: ending }), request.secrets)
  } catch (thrown) {
    signal?.throwIfAborted()
    if (thrown instanceof AlertError) throw thrown
    if (deadline.aborted) throw tooSlow(hostname, outside.timeout)
    throw connectionError(hostname, thrown)
  }
}

export function tooSlow(host: string, timeout: number): AlertError {
  return new AlertError('ALERT_TOO_SLOW', { host, seconds: Math.ceil(timeout / 1000), transient: true })
}

/** The failure of a connection. Its words are Node's: they name hosts and numbers, never what was sent. */
export function connectionError(host: string, thrown: unknown): AlertError {
  // Node says these two to whoever calls it wrongly: that is a mistake of ours.
  if (thrown instanceof TypeError || thrown instanceof RangeError) throw thrown
  if (!(thrown instanceof Error) || !('code' in thrown)) throw thrown
  const code = String(thrown.code)
  // OpenSSL's own codes (CERT_HAS_EXPIRED), those of Node's checks, and what is no TLS at all (EPROTO).
  const isDistrust = /CERT|SIGNATURE|ISSUER|^ERR_TLS|^ERR_SSL|^EPROTO$/.test(code)
  if (isDistrust) return new AlertError('ALERT_TLS_REFUSED', { host, reason: code })
  return new AlertError('ALERT_UNREACHABLE', { host, reason: code, transient: true })
}

/** Resolves with `promise`, or rejects when the signal says so: looking up a name cannot be cancelled. */
export async function untilAborted<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
  signal.throwIfAborted()
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const abort = () => reject(signal.reason as Error)
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

interface Answer {
  readonly status: number
  readonly text: string
  readonly retryAfter: number | undefined
}

function send(
  { url, method, headers, body }: Call,
  {
    addresses,
    ca,
    signal,
  }: { readonly addresses: readonly Address[]; readonly ca: string | undefined; readonly signal: AbortSignal },
): Promise<Answer> {
  const secure = url.startsWith('https:')
  return new Promise((resolve, reject) => {
    const request = (secure ? https : http).request(url, {
      method,
      signal,
      agent: false,
      lookup: answerWith(addresses),
      ...(secure ? { minVersion: 'TLSv1.2', ...(ca === undefined ? {} : { ca }) } : {}),
      headers: {
        'User-Agent': 'understudy',
        'Accept-Encoding': 'identity',
        ...headers,
        ...(body === undefined ? {} : { 'Content-Length': Buffer.byteLength(body) }),
      },
    })
    // After the answer has begun, what goes wrong goes wrong with its body.
    const fail = (error: Error) => reject(error)
    request.on('error', fail)
    request.on('response', (message) => {
      request.off('error', fail).on('error', () => undefined)
      readAnswer(message).then(resolve, reject)
    })
    request.end(body)
  })
}

/** The name was looked up and the addresses were checked: nothing is looked up again. */
function answerWith(addresses: readonly Address[]): LookupFunction {
  return (_host, options, callback) => {
    const [first] = addresses
    if (options.all) return callback(null, [...addresses])
    callback(null, first?.address ?? '', first?.family)
  }
}

/** The status has decided; the body is only read to be shown, as far as it comes. */
async function readAnswer(message: IncomingMessage): Promise<Answer> {
  const { statusCode = 0, headers } = message
  const chunks: Buffer[] = []
  let length = 0
  try {
    for await (const chunk of message as AsyncIterable<Buffer>) {
      chunks.push(chunk)
      length += chunk.length
      if (length >= mostAnswer) break // leaving the loop destroys the connection
    }
  } catch {
    // Cut off or too slow: what has come is enough.
  }
  const seconds = Number(headers['retry-after'])
  const retryAfter = Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds * 1000, longestWait) : undefined
  return { status: statusCode, text: Buffer.concat(chunks).toString('utf8'), retryAfter }
}

function judge(host: string, { status, text, retryAfter }: Answer, secrets: readonly string[]): string {
  const shown = printable(maskSecrets(text, secrets).replace(/\s+/g, ' ').trim(), mostShown)
  const reason = shown === '' ? String(status) : `${status}, ${shown}`
  if (status >= 200 && status < 300) return reason
  if (status >= 300 && status < 400) throw new AlertError('ALERT_REDIRECTED', { host, status })
  const isPassing = status >= 500 || status === 408 || status === 425 || status === 429
  if (isPassing) throw new AlertError('ALERT_BUSY', { host, reason, transient: true, retryAfter })
  if (status === 401 || status === 403) throw new AlertError('ALERT_LOGIN_REFUSED', { host, reason })
  throw new AlertError('ALERT_REFUSED', { host, reason })
}
