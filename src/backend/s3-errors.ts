import { type Clock, UnderstudyError } from '#base'
import { BackendError } from './errors.ts'
import { type HttpAnswer, requestError, statusError } from './http-errors.ts'

/** What an S3 service answers, in words. */

/** An answer that is no success, as the client gives it. */
export interface Refusal extends HttpAnswer {
  /** The service's own code (`NoSuchKey`); empty when the answer has no body, as to HEAD. */
  readonly code: string
  readonly message: string
  /** Where the bucket lies, when the answer tells. */
  readonly region: string | undefined
}

export interface RefusalContext {
  readonly location: string
  readonly bucket: string
  readonly region: string
  readonly clock: Clock
  /** Keys come from where they may be renewed. */
  readonly canRenew: boolean
}

/** Services refuse signatures whose time is so far from theirs; it is 15 minutes with all of them. */
const signatureWindow = 15 * 60_000

/** Codes that mean that keys were good and are not any more. */
const expired = new Set(['ExpiredToken', 'ExpiredTokenException', 'TokenRefreshRequired', 'RequestExpired'])
const unknownKey = new Set(['InvalidAccessKeyId', 'InvalidToken', 'InvalidClientTokenId'])
/** Codes by which a service says that it is too much at the moment, whatever the status. */
const busy = new Set([
  'SlowDown',
  'ServiceUnavailable',
  'InternalError',
  'RequestTimeout',
  'OperationAborted',
  'ConditionalRequestConflict',
  'Throttling',
  'ThrottlingException',
  'TooManyRequests',
  'BadDigest',
  'IncompleteBody',
])
const full = new Set(['QuotaExceeded', 'XMinioStorageFull', 'InsufficientCapacity', 'XMinioAdminBucketQuotaExceeded'])

/** The refusal in what the client threw; undefined when it is none (a broken connection, an abort). */
export function refusalOf(thrown: unknown): Refusal | undefined {
  if (!(thrown instanceof Error) || thrown instanceof BackendError) return undefined
  const { $metadata, $response, Region } = thrown as ServiceError
  const status = $metadata?.httpStatusCode
  if (status === undefined || status < 300) return undefined
  const headers = $response?.headers ?? {}
  const code = /^(?:UnknownError|Unknown|NotFound|Forbidden|Error|\d+)$/.test(thrown.name) ? '' : thrown.name
  return { status, headers, code, message: thrown.message, region: Region ?? headers['x-amz-bucket-region'] }
}

/** The parts of the client's errors that we read; anything may be absent. */
interface ServiceError {
  readonly $metadata?: { readonly httpStatusCode?: number }
  readonly $response?: { readonly headers?: Readonly<Record<string, string>> }
  readonly Region?: string
}

function isExpired({ code }: Refusal): boolean {
  return expired.has(code)
}

/** Other keys might be accepted. */
export function isAboutKeys(refusal: Refusal): boolean {
  return isExpired(refusal) || unknownKey.has(refusal.code)
}

/** The request was made for another region, which the answer names. */
export function otherRegion(refusal: Refusal, { region }: { readonly region: string }): string | undefined {
  const isWrongPlace =
    refusal.status === 301 ||
    refusal.status === 307 ||
    ['AuthorizationHeaderMalformed', 'PermanentRedirect', 'IllegalLocationConstraintException'].includes(
      refusal.code,
    ) ||
    (refusal.status === 400 && refusal.code === '')
  return isWrongPlace && refusal.region !== undefined && refusal.region !== region ? refusal.region : undefined
}

/** The `BackendError` for a refusal that no call has a use for. */
export function refusalError(refusal: Refusal, context: RefusalContext): BackendError {
  const { code, message, status } = refusal
  const { location, bucket, region, clock, canRenew } = context
  const offset = clockOffset(refusal, clock)
  if (offset !== undefined) return new BackendError('S3_CLOCK_WRONG', { location, offset: describeOffset(offset) })
  if (code === 'NoSuchBucket') return new BackendError('S3_BUCKET_MISSING', { location, bucket })
  if (isExpired(refusal)) return new BackendError('S3_CREDENTIALS_EXPIRED', { location, transient: canRenew })
  if (unknownKey.has(code)) return new BackendError('S3_KEY_UNKNOWN', { location })
  if (code === 'SignatureDoesNotMatch') return new BackendError('S3_SIGNATURE_REFUSED', { location })
  const elsewhere = otherRegion(refusal, { region })
  if (elsewhere !== undefined || code === 'AuthorizationHeaderMalformed') {
    return new BackendError('S3_REGION_WRONG', { location, region, right: elsewhere ?? 'another one' })
  }
  if (code === 'InvalidObjectState') return new BackendError('S3_ARCHIVED', { location })
  if (full.has(code)) return new BackendError('STORAGE_FULL', { location })
  if (status === 403 || status === 401) {
    return new BackendError('ACCESS_DENIED', {
      location,
      reason: code === '' ? `HTTP status ${status}` : said(refusal),
    })
  }
  const general = statusError(refusal, { location, clock })
  if (code === '' || general.code !== 'STORAGE_FAILED') return general
  const { retryAfter } = general.details
  return new BackendError('STORAGE_FAILED', {
    location,
    reason: message === '' ? code : said(refusal),
    // With a code of its own a 400 is no accident of the way.
    transient: (general.transient && status !== 400) || busy.has(code),
    ...(retryAfter === undefined ? {} : { retryAfter }),
  })
}

/** For what is thrown by a call and is no refusal: broken connections, TLS, answers that are no XML. */
export function callError(thrown: unknown, { location }: RefusalContext): Error {
  const known = requestError(thrown, { location })
  if (known !== thrown || known instanceof UnderstudyError) return known
  const { $metadata } = known as ServiceError
  if (known.name === 'TypeError' && !$metadata) return known
  return new BackendError('STORAGE_FAILED', {
    location,
    reason: `its answer cannot be read (${known.message})`,
    transient: true,
    cause: known,
  })
}

/** Milliseconds that our clock is ahead of the service's, when that is why it refused. */
function clockOffset({ code, status, headers }: Refusal, clock: Clock): number | undefined {
  const date = headers['date']
  const offset = typeof date === 'string' ? clock.now() - Date.parse(date) : Number.NaN
  if (code === 'RequestTimeTooSkewed' || code === 'RequestInTheFuture') return offset
  // Some services call it a wrong signature, or say nothing.
  return (status === 403 || status === 400) && Math.abs(offset) > signatureWindow ? offset : undefined
}

function describeOffset(offset: number): string {
  if (Number.isNaN(offset)) return 'too far from'
  const minutes = Math.round(Math.abs(offset) / 60_000)
  const [count, unit] =
    minutes < 180
      ? [minutes, 'minute']
      : minutes < 4320
        ? [Math.round(minutes / 60), 'hour']
        : [Math.round(minutes / 1440), 'day']
  return `${count} ${unit}${count === 1 ? '' : 's'} ${offset > 0 ? 'ahead of' : 'behind'}`
}

function said({ code, message }: Refusal): string {
  return message === '' || message === code ? code : `${code}: ${message.replace(/\.$/, '')}`
}
