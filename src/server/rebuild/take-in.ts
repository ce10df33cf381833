import type { Cancellable } from '#base'
import type { Services } from '../app/services.ts'
import type { Row } from '../store/tables.ts'

/**
 * Holds the ledger of a repository against its storage, and mends the ledger where it is behind: after the control data was
 * brought back from yesterday, today's snapshots lie in the storage and stand in no ledger.
 */
export interface TakenIn {
  /** Snapshots that lay in the storage and in no ledger. They stand in it now, as learned. */
  readonly learned: readonly string[]
  /** Snapshots that should be there and are not. */
  readonly missing: readonly string[]
  /** Snapshots that the server had removed and that are there again. */
  readonly returned: readonly string[]
}

/** So long the ledger of a snapshot may follow after its file, in milliseconds. */
const arrival = 5_000

/**
 * Takes in what the ledger does not know, and holds the repository's retention until a person lifts that, if ledger and storage
 * say different things. `because`: why they may, for the people who read it.
 */
export async function takeIn(
  services: Services,
  repository: Row<'repositories'>,
  { because, signal }: Cancellable & { readonly because: string },
): Promise<TakenIn> {
  const { ledger, audit, storage, clock } = services
  const { id, clientId, name, machineId } = repository
  const listed = new Map<string, number | undefined>()
  for await (const file of storage.list(id, 'snapshot')) listed.set(file.name, file.age)
  const names = new Set(listed.keys())
  let findings = await ledger.compare(id, names)
  if (findings.unknown.length > 0) {
    // One that has just arrived stands in the ledger a moment later.
    await clock.sleep(arrival, { signal })
    findings = await ledger.compare(id, names)
  }
  const { unknown: learned, missing, returned } = findings
  if (learned.length + missing.length + returned.length === 0) return { learned, missing, returned }
  const isNews = await hold(services, repository, `ledger and storage disagree: ${because}`)
  const now = clock.now()
  for (const snapshotId of learned) {
    const age = listed.get(snapshotId)
    const details = { learned: true, ...(age !== undefined && { storedAt: Math.round(now - age) }) }
    await ledger.write({ repositoryId: id, what: 'received', snapshotId, machineId, details })
  }
  if (isNews || learned.length > 0) {
    const details = { repositoryId: id, name, because, learned, missing, returned }
    await audit.write({ actor: serverActor, what: 'ledger.disagrees', clientId, details })
    await services.store.db.insertInto('events').values({ at: now, clientId, kind: 'ledger', subject: id }).execute()
  }
  return { learned, missing, returned }
}

export const serverActor = { who: 'server', fromWhere: 'terminal' }

/** Retention removes nothing from it until a person says otherwise. False: it was held already. */
async function hold({ store }: Services, { id }: Row<'repositories'>, because: string): Promise<boolean> {
  const held = await store.db
    .updateTable('repositories')
    .set({ held: 1, heldBecause: because.slice(0, 500) })
    .where('id', '=', id)
    .where('held', '=', 0)
    .returning('id')
    .executeTakeFirst()
  return held !== undefined
}
