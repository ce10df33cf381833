import { access, constants } from 'node:fs/promises'
import { sql } from 'kysely'
import type { Clock } from '#base'
import { agentProtocols } from '#protocol'
import type { Protocols } from '#protocol'
import type { Target } from '#restorer'
import { Alerting } from '../alerting/alerting.ts'
import { ServerError } from '../errors.ts'
import { JobBell } from '../operations/job-bell.ts'
import { Admissions } from '../events/admissions.ts'
import { EventFeed } from '../events/event-feed.ts'
import { Metrics } from '../metrics/metrics.ts'
import { Operations } from '../operations/operations.ts'
import type { LocalAccess } from '../people/local-access.ts'
import { SignIn } from '../people/sign-in.ts'
import { AuditLog } from '../records/audit.ts'
import { Reading } from '../reading/reading.ts'
import { Ledger } from '../records/ledger.ts'
import type { OwnStorage } from '../repositories/own-storage.ts'
import { StorageChanges } from '../repositories/storage-changes.ts'
import type { Sealer } from '../secrets/sealer.ts'
import type { Store } from '../store/store.ts'
import { AddressLimiter } from './limiter.ts'
import type { Services } from './services.ts'

export interface ServicesOptions {
  readonly storage: OwnStorage
  readonly storageFolder: string | undefined
  readonly folder: string
  readonly openTarget: (folder: string) => Target
  readonly clock: Clock
  readonly origin: string
  readonly fingerprint: string | undefined
  readonly localAccess?: LocalAccess | undefined
  readonly certificateEndsAt?: number | undefined
  /** Private networks that alerts may be sent into. */
  readonly alertNetworks?: readonly string[] | undefined
  readonly version: string
  readonly protocols?: Protocols
}

/** Everything that handlers work with, over control data that has its tables. */
export function createServices(store: Store, sealer: Sealer, options: ServicesOptions): Services {
  const { storage, folder, openTarget, clock, origin, fingerprint, localAccess } = options
  const { storageFolder, certificateEndsAt, alertNetworks, version, protocols = agentProtocols } = options
  const { db } = store
  return {
    store,
    sealer,
    signIn: new SignIn(store, { origin, secret: sealer.derive('sign-in') }),
    audit: new AuditLog(db, clock),
    ledger: new Ledger(db, clock),
    operations: new Operations(db, clock),
    jobBell: new JobBell(db, clock),
    alerting: new Alerting(store, sealer, { clock, origin, networks: alertNetworks }),
    feed: new EventFeed(db, clock),
    admissions: new Admissions(db, clock),
    metrics: new Metrics(),
    storage,
    reading: new Reading(store, { folder, key: sealer.derive('search index') }),
    guesses: new AddressLimiter(clock),
    storageChanges: new StorageChanges(),
    folder,
    openTarget,
    storageFolder,
    clock,
    origin,
    fingerprint,
    localAccess,
    certificateEndsAt,
    version,
    protocols,
    checkReady: async () => {
      await checkDatabase(store)
      for (const written of [folder, storageFolder ?? folder]) await checkFolder(written)
    },
  }
}

// Anybody may ask: where things lie is told to nobody here.
async function checkDatabase({ db }: Store): Promise<void> {
  try {
    await sql`select 1`.execute(db)
  } catch (cause) {
    throw new ServerError('NOT_READY', { what: 'its database does not answer', cause })
  }
}

async function checkFolder(folder: string): Promise<void> {
  try {
    await access(folder, constants.W_OK)
  } catch (cause) {
    throw new ServerError('NOT_READY', { what: 'a folder that it needs cannot be written to', cause })
  }
}
