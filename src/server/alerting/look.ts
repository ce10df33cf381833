import { hostname, networkInterfaces } from 'node:os'
import type { AlertSettings } from '#protocol'
import type { AlertView, ClientRef } from '../alerts/index.ts'
import type { Services } from '../app/services.ts'
import { lookAtAccounts } from './look-accounts.ts'
import { lookAtApprovals, lookAtAttacks } from './look-approvals.ts'
import { lookAtCopies, lookAtDisks, lookAtTampering } from './look-copies.ts'
import type { Kits } from './look-kits.ts'
import { lookAtOwnBackup } from './look-own-backup.ts'
import { clockAheadOfMachines } from '../retention/clock-doubt.ts'
import { readStanding } from '../standing/standing.ts'
import { lookAtMachines } from './look-machines.ts'
import { lookAtProofs } from './look-proofs.ts'
import type { Protections } from './look-protections.ts'
import { lookAtStorages } from './look-storages.ts'
import { lookAtCertificate, lookAtRepositories } from './look-trust.ts'

export interface LookOptions {
  readonly settings: AlertSettings
  /** Keeps what would take long to read anew. */
  readonly protections: Protections
  readonly kits: Kits
  /** Since when somebody has been looking again; undefined: always. */
  readonly lookingSince: number | undefined
}

/** Everything that is watched, as it is now, from the control data. */
export async function look(services: Services, options: LookOptions): Promise<Omit<AlertView, 'ways'>> {
  const { store, clock, origin, certificateEndsAt, fingerprint } = services
  const { settings, protections, kits, lookingSince } = options
  const { db } = store
  const now = clock.now()
  const rows = await db.selectFrom('clients').select(['id', 'name', 'createdAt']).execute()
  const clients = new Map<string, ClientRef>(rows.map(({ id, name }) => [id, { id, name }]))
  const machines = await lookAtMachines(db, clients, settings)
  const { superseded } = await readStanding(db)
  const clockAhead = await clockAheadOfMachines(services)
  const since = Math.min(now, ...rows.map(({ createdAt }) => createdAt))
  // An old state of the server makes no copies, nor does anybody want any of it.
  const ownBackup = superseded ? undefined : await lookAtOwnBackup(services, since)
  return {
    clients: [...clients.values()],
    machines,
    protections: await protections.look(db, machines, now),
    proofs: await lookAtProofs(db, clients, now),
    storages: await lookAtStorages(db, clients, now),
    repositories: await lookAtRepositories(db, clients, now),
    kits: await kits.look(services, clients),
    copies: superseded ? [] : await lookAtCopies(services, clients),
    disks: superseded ? [] : await lookAtDisks(services, clients),
    tampering: await lookAtTampering(services, clients),
    approvals: await lookAtApprovals(services, clients),
    attacks: await lookAtAttacks(services),
    certificates: lookAtCertificate(origin, certificateEndsAt, fingerprint),
    accounts: await lookAtAccounts(db),
    server: {
      name: new URL(origin).hostname,
      addresses: ownAddresses(origin),
      since,
      ...(ownBackup && { ownBackup }),
      ...(lookingSince !== undefined && { lookingSince }),
      ...(superseded && { superseded }),
      ...(clockAhead !== undefined && { clockAhead }),
    },
  }
}

/** Names and addresses of this machine: what an alert must not depend on. */
function ownAddresses(origin: string): readonly string[] {
  const all = Object.values(networkInterfaces()).flatMap((ofOne) => ofOne ?? [])
  return [hostname(), new URL(origin).hostname, 'localhost', ...all.map(({ address }) => address)]
}
