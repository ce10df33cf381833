import { resolve } from 'node:path'
import { programModule } from '#base'
import type { Clock } from '#base'
import type { Backend, ThreadReading } from './backend.ts'
import { ConnectionsBackend } from './connections.ts'
import { BackendError } from './errors.ts'
import type { Admit } from './http-client.ts'
import { LocalBackend } from './local.ts'
import { localThreadReading } from './local-thread.ts'
import { type Location, parseLocation } from './location.ts'
import { RestBackend } from './rest.ts'
import type { RateLimits } from './limit.ts'
import { type Retry, RetryBackend } from './retry.ts'
import { S3Backend } from './s3.ts'
import type { S3Options } from './s3-connection.ts'
import { SftpBackend } from './sftp.ts'
import type { TlsOptions } from './tls-files.ts'
import { WatchdogBackend } from './watchdog.ts'

export interface OpenBackendOptions {
  /** Calls at once; the default depends on the kind of storage. */
  readonly connections?: number | undefined
  readonly tls?: TlsOptions | undefined
  /** How ssh is started for `sftp:`. */
  readonly sftp?: SshOptions | undefined
  /** Details of `s3:`. */
  readonly s3?: S3Options | undefined
  readonly limits?: RateLimits | undefined
  /** Where user names, passwords and proxies are looked up. Default: the process's environment. */
  readonly env?: NodeJS.ProcessEnv | undefined
  /** Says where `rest:` and `s3:` may connect to, for locations of people who must not get further into our network. */
  readonly admit?: Admit | undefined
  /** Milliseconds after which a failing call is given up. Default: 15 minutes; 30 seconds for a folder. */
  readonly retryLimit?: number | undefined
  /** Seconds without progress after which a call counts as hung. Default: 300. */
  readonly stallSeconds?: number | undefined
  /** Told before each wait for another try. */
  readonly onRetry?: ((retry: Retry) => void) | undefined
  /** Told once what this storage cannot promise. */
  readonly onNotice?: ((sentence: string) => void) | undefined
  readonly clock?: Clock | undefined
}

export interface SshOptions {
  /** A program and its arguments in place of ssh. */
  readonly command?: readonly string[] | undefined
  /** More arguments for ssh. */
  readonly args?: readonly string[] | undefined
}

/** A disk either answers soon or is broken; a network comes back. */
const retryLimits = { local: 30_000, rest: 15 * 60_000, sftp: 15 * 60_000, s3: 15 * 60_000 }
/** As long as a server has never answered. */
const limitAtFirst = 60_000

/** The storage at a location, ready for use: watched, retried, with bounded connections. Nothing is sent yet. */
export function openBackend(location: string | Location, options: OpenBackendOptions = {}): Backend {
  const { env = process.env, clock, connections, retryLimit, stallSeconds, onRetry } = options
  const parsed = typeof location === 'string' ? parseLocation(location, env) : location
  const base = openBase(parsed, { ...options, env })
  const watched = new WatchdogBackend(base, { seconds: stallSeconds, clock })
  const bounded = new ConnectionsBackend(watched, connections ?? base.connections)
  const limit = retryLimit ?? retryLimits[parsed.scheme]
  const threadReading = threadReadingOf(parsed, options)
  const limitOfFirst = Math.min(limit, limitAtFirst)
  return new RetryBackend(bounded, { limit, limitAtFirst: limitOfFirst, threadReading, report: onRetry, clock })
}

/** A folder, unless its reads are to be held back. */
function threadReadingOf(location: Location, { limits }: OpenBackendOptions): ThreadReading | undefined {
  if (location.scheme !== 'local' || limits?.download) return undefined
  return localThreadReading(resolve(location.path), programModule('backend/local-thread'))
}

function openBase(location: Location, options: OpenBackendOptions): Backend {
  const { connections, tls, sftp, s3, limits, env, admit, onNotice, clock } = options
  if (location.scheme === 'local') return new LocalBackend(location.path, { connections, limits, clock })
  if (location.scheme === 'sftp') {
    const { address, path, display } = location
    if (address.host === '' && !sftp?.command) {
      throw new BackendError('LOCATION_INVALID', { location: display, reason: 'it names no host' })
    }
    return new SftpBackend({ address, path, location: display, connections, limits, ...sftp, onNotice, clock })
  }
  if (location.scheme === 's3') {
    return new S3Backend(location, { connections, tls, limits, env, admit, onNotice, clock, ...s3 })
  }
  const { display, url, credentials, socketPath } = location
  const http = { connections, tls, limits, env, admit, clock }
  return new RestBackend({ url, location: display, credentials, socketPath, ...http })
}
