import { systemClock } from '#base'
import type { Cancellable } from '#base'
import type { FileRef } from './backend.ts'
import { layoutPath } from './layout.ts'
import type { OpenBackendOptions } from './open.ts'
import { Refused, S3Connection } from './s3-connection.ts'
import type { S3Location } from './s3-location.ts'

/** Object lock of a bucket: what was written stays until a date, whatever anybody's keys may do. */

/** How long files that are written are locked. In mode COMPLIANCE nobody can shorten it, not even the owner of the account. */
export interface S3Lock {
  readonly days: number
}

const day = 86_400_000

/** What a request says that locks a file; nothing for locks of ours, which must go. */
export function lockHeaders(lock: S3Lock | undefined, { type }: FileRef, now: number) {
  if (!lock || type === 'lock') return {}
  return { ObjectLockMode: 'COMPLIANCE', ObjectLockRetainUntilDate: new Date(now + lock.days * day) } as const
}

/** Answers by which a service says that the bucket has no object lock, or that it knows none. */
const noLock = new Set([
  'ObjectLockConfigurationNotFoundError',
  'NoSuchObjectLockConfiguration',
  'NotImplemented',
  'MethodNotAllowed',
  'InvalidRequest',
])

/** Object lock of the bucket that a location lies in. */
export class ObjectLock implements Disposable {
  readonly #place: S3Location
  readonly #connection: S3Connection

  constructor(place: S3Location, { env = process.env, tls, s3, connections = 5 }: OpenBackendOptions) {
    this.#place = place
    this.#connection = new S3Connection({ ...s3, place, connections, env, tls, clock: systemClock })
  }

  /** Whether the bucket has it. Throws `BackendError`s; keys that may not ask are refused. */
  async isEnabled({ signal }: Cancellable = {}): Promise<boolean> {
    try {
      const asked = { Bucket: this.#place.bucket }
      const answer = await this.#connection.call((client, call) => client.getObjectLockConfiguration(asked, call), {
        signal,
      })
      return answer.ObjectLockConfiguration?.ObjectLockEnabled === 'Enabled'
    } catch (thrown) {
      if (!(thrown instanceof Refused)) throw thrown
      if (noLock.has(thrown.refusal.code)) return false
      throw thrown.error
    }
  }

  /** Locks a file until a date (milliseconds since 1970), later than now. Throws `BackendError`s. */
  async extend(file: FileRef, until: number, { signal }: Cancellable = {}): Promise<void> {
    const { bucket, prefix } = this.#place
    const Key = [...(prefix === '' ? [] : [prefix]), ...layoutPath(file)].join('/')
    const Retention = { Mode: 'COMPLIANCE', RetainUntilDate: new Date(until) } as const
    try {
      await this.#connection.call(
        (client, call) => client.putObjectRetention({ Bucket: bucket, Key, Retention }, call),
        { signal },
      )
    } catch (thrown) {
      throw thrown instanceof Refused ? thrown.error : thrown
    }
  }

  [Symbol.dispose](): void {
    this.#connection[Symbol.dispose]()
  }
}
