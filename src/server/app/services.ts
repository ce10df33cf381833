import type { Clock } from '#base'
import type { Protocols } from '#protocol'
import type { JobBell } from '../operations/job-bell.ts'
import type { Target } from '#restorer'
import type { Alerting } from '../alerting/alerting.ts'
import type { Admissions } from '../events/admissions.ts'
import type { EventFeed } from '../events/event-feed.ts'
import type { Metrics } from '../metrics/metrics.ts'
import type { Operations } from '../operations/operations.ts'
import type { SignIn } from '../people/sign-in.ts'
import type { LocalAccess } from '../people/local-access.ts'
import type { AddressLimiter } from './limiter.ts'
import type { AuditLog } from '../records/audit.ts'
import type { Reading } from '../reading/reading.ts'
import type { Ledger } from '../records/ledger.ts'
import type { OwnStorage } from '../repositories/own-storage.ts'
import type { StorageChanges } from '../repositories/storage-changes.ts'
import type { Sealer } from '../secrets/sealer.ts'
import type { Store } from '../store/store.ts'

/** What handlers work with. */
export interface Services {
  readonly store: Store
  readonly sealer: Sealer
  readonly signIn: SignIn
  readonly audit: AuditLog
  readonly ledger: Ledger
  readonly operations: Operations
  readonly jobBell: JobBell
  readonly alerting: Alerting
  /** What changes, for those who watch; and who they are. */
  readonly feed: EventFeed
  readonly admissions: Admissions
  readonly metrics: Metrics
  /** Where the repositories lie that the server keeps for machines. */
  readonly storage: OwnStorage
  /** The folder of this machine that they lie in; undefined: elsewhere. */
  readonly storageFolder: string | undefined
  /** What is needed to look into recovery points: search, previews, open repositories. */
  readonly reading: Reading
  /** Counts wrong passwords, wherever they are asked for. */
  readonly guesses: AddressLimiter
  /** Told by whoever has changed what lies there past the endpoint. */
  readonly storageChanges: StorageChanges
  /** The server's own folder on this machine. */
  readonly folder: string
  /** Opens a folder of this machine to restore somebody's files into, for trial: without owners, devices and setuid bits. */
  readonly openTarget: (folder: string) => Target
  readonly clock: Clock
  /** As people and machines reach the server, without a slash at the end. */
  readonly origin: string
  /** SHA-256 of the server's certificate, in hexadecimal digits, where it is one of its own making. */
  readonly fingerprint: string | undefined
  /** For commands on the server’s own machine; undefined where there is none. */
  readonly localAccess: LocalAccess | undefined
  /** When the certificate that it shows ends, in milliseconds since 1970; undefined: it shows none. */
  readonly certificateEndsAt: number | undefined
  /** Of this program: `1.2.3`. */
  readonly version: string
  /** Versions of the agents’ protocol that the server understands. */
  readonly protocols: Protocols
  /** Throws what keeps the server from working. */
  checkReady(): Promise<void>
}
