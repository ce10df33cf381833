import { sql } from 'kysely'
import { messageOf } from '#base'
import type { Clock } from '#base'
import type { Target } from '#restorer'
import { ServerError } from '../errors.ts'
import { JobBell } from '../operations/job-bell.ts'
import { Operations } from '../operations/operations.ts'
import type { LocalAccess } from '../people/local-access.ts'
import { SignIn } from '../people/sign-in.ts'
import { AuditLog } from '../records/audit.ts'
import { Reading } from '../reading/reading.ts'
import { Ledger } from '../records/ledger.ts'
import type { OwnStorage } from '../repositories/own-storage.ts'
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
}

/** Everything that handlers work with, over control data that has its tables. */
export function createServices(
  store: Store,
  sealer: Sealer,
  { storage, storageFolder, folder, openTarget, clock, origin, fingerprint, localAccess }: ServicesOptions,
): Services {
  const { db } = store
  return {
    store,
    sealer,
    signIn: new SignIn(store, { origin, secret: sealer.derive('sign-in') }),
    audit: new AuditLog(db, clock),
    ledger: new Ledger(db, clock),
    operations: new Operations(db, clock),
    jobBell: new JobBell(db, clock),
    storage,
    reading: new Reading(store, { folder, key: sealer.derive('search index') }),
    guesses: new AddressLimiter(clock),
    storageFolder,
    folder,
    openTarget,
    clock,
    origin,
    fingerprint,
    localAccess,
    checkReady: async () => await checkDatabase(store),
  }
}

async function checkDatabase({ db, location }: Store): Promise<void> {
  try {
    await sql`select 1`.execute(db)
  } catch (cause) {
    throw new ServerError('DATABASE_UNREACHABLE', { location, reason: messageOf(cause), cause })
  }
}
