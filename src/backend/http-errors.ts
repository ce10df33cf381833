import { type Clock, messageOf, UnderstudyError } from '#base'
import { BackendError } from './errors.ts'

/** What HTTP servers and networks answer, in words, and whether asking again may help. */

/** Certificates and TLS: never transient, never a fallback to something less safe. */
const tlsWords: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet (is the clock of this machine right?)',
  CERT_REVOKED: 'its certificate has been revoked',
  CERT_UNTRUSTED: 'its certificate is not trusted',
  CERT_REJECTED: 'its certificate is not trusted for servers',
  INVALID_PURPOSE: 'its certificate is not made for servers',
  INVALID_CA: 'its certificate was signed by something that is no certificate authority',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is signed by itself',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate comes from a certificate authority that this machine does not know',
  UNABLE_TO_GET_ISSUER_CERT: 'its certificate comes from a certificate authority that this machine does not know',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    'its certificate comes from a certificate authority that this machine does not know',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate comes from a certificate authority that this machine does not know',
  CERT_SIGNATURE_FAILURE: 'its certificate has been tampered with',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host name',
  HOSTNAME_MISMATCH: 'its certificate is for another host name',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS on this port',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'it does not speak TLS on this port',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'it speaks only old versions of TLS',
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: 'it speaks only old versions of TLS',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'it asks for a client certificate',
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: 'it does not accept our client certificate',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: 'it does not know the authority of our client certificate',
}

/** The other side cannot be reached at all. */
const networkWords: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing answers on that port',
  ENOTFOUND: 'the host name is not known',
  EAI_AGAIN: 'host names cannot be looked up at the moment',
  EHOSTUNREACH: 'there is no way to that host',
  ENETUNREACH: 'there is no way to that network',
  ENETDOWN: 'the network is down',
  ETIMEDOUT: 'no connection in time',
  ENOENT: 'there is no such socket',
}

export interface HttpErrorContext {
  readonly location: string
}

/** The `BackendError` for a request that got no proper answer. What is ours already, and an abort's reason, pass unchanged. */
export function requestError(thrown: unknown, { location }: HttpErrorContext): Error {
  if (!(thrown instanceof Error) || thrown instanceof UnderstudyError || !('code' in thrown)) return thrown as Error
  const code = tlsCodeOf(thrown) ?? String(thrown.code)
  const tls = tlsWords[code] ?? (/^ERR_SSL_|^ERR_TLS_|^CERT_/.test(code) ? `TLS failed (${code})` : undefined)
  if (tls) return new BackendError('TLS_REFUSED', { location, reason: tls, cause: thrown })
  if (code === 'EACCES' || code === 'EPERM') {
    return new BackendError('ACCESS_DENIED', { location, reason: messageOf(thrown), cause: thrown })
  }
  const network = networkWords[code]
  if (network)
    return new BackendError('STORAGE_UNREACHABLE', { location, reason: network, transient: true, cause: thrown })
  if (!/^E[A-Z]+$|^HPE_/.test(code)) return thrown
  const reason = code.startsWith('HPE_') ? `its answer is not HTTP (${code})` : `the connection broke (${code})`
  return new BackendError('STORAGE_FAILED', { location, reason, transient: true, cause: thrown })
}

/** A handshake that fails while it is written is an EPROTO with OpenSSL's own words in the message. */
function tlsCodeOf(thrown: Error & { readonly code: unknown }): string | undefined {
  if (thrown.code !== 'EPROTO') return undefined
  const words = /:SSL routines:[^:]*:([^:]+):/.exec(thrown.message)?.[1] ?? 'handshake'
  return `ERR_SSL_${words.toUpperCase().replaceAll(' ', '_')}`
}

export interface HttpAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

/** Statuses that stay as they are however often one asks. 400 may come from a body that was damaged on its way. */
const lasting = new Set([401, 403, 404, 405, 407, 410, 411, 414, 415, 416, 417, 421, 426, 431, 451, 501, 505])

/** The `BackendError` for an answer that is no success. `retryAfter` in its details: milliseconds that the server asked for. */
export function statusError(
  answer: HttpAnswer,
  { location, clock }: HttpErrorContext & { readonly clock: Clock },
): BackendError {
  const { status } = answer
  const reason = `HTTP status ${status}`
  if (status === 507 || status === 413) return new BackendError('STORAGE_FULL', { location })
  if (status === 401) return new BackendError('ACCESS_DENIED', { location, reason: 'user name or password is wrong' })
  if (status === 403) return new BackendError('ACCESS_DENIED', { location, reason })
  const retryAfter = parseRetryAfter(answer.headers['retry-after'], clock.now())
  const isRedirect = status >= 300 && status < 400
  return new BackendError('STORAGE_FAILED', {
    location,
    reason: isRedirect ? `it redirects to another address (${reason})` : reason,
    transient: !lasting.has(status) && !isRedirect,
    ...(retryAfter === undefined ? {} : { retryAfter }),
  })
}

/** Seconds or a date (RFC 9110, section 10.2.3), as milliseconds from `now`. */
export function parseRetryAfter(header: string | string[] | undefined, now: number): number | undefined {
  if (typeof header !== 'string') return undefined
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1000
  const date = Date.parse(header)
  return Number.isNaN(date) ? undefined : Math.max(0, date - now)
}
