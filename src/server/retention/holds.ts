import type { Transaction } from 'kysely'
import type { Services } from '../app/services.ts'
import { noteEvents } from '../events/note-events.ts'
import type { Actor } from '../records/audit.ts'
import type { Row, Tables } from '../store/tables.ts'
import { noteCare } from './care.ts'

export interface NewHold {
  readonly because: string
  readonly actor: Actor
  readonly transaction: Transaction<Tables>
}

/** Nothing is removed from a repository until a person lifts this. One that is held keeps its first reason. */
export async function holdRepository(
  services: Services,
  repositoryId: string,
  { because, actor, transaction }: NewHold,
): Promise<void> {
  const held = await transaction
    .updateTable('repositories')
    .set({ held: 1, heldBecause: because })
    .where('id', '=', repositoryId)
    .where('held', '=', 0)
    .returningAll()
    .executeTakeFirst()
  if (!held) return
  await noteCare(transaction, repositoryId, { heldSince: services.clock.now() })
  await tellOfHold(services, held, { transaction, actor, verb: 'hold', because })
}

export interface Lifting {
  readonly actor: Actor
  /** Calls the suspect snapshots trusted. */
  readonly trust: boolean
  readonly transaction: Transaction<Tables>
}

/** A person has looked: retention goes on, and what was unusual until now stops it no more. */
export async function liftHold(
  services: Services,
  repositoryId: string,
  { actor, trust, transaction }: Lifting,
): Promise<void> {
  const { ledger, clock } = services
  const lifted = await transaction
    .updateTable('repositories')
    .set({ held: 0, heldBecause: null })
    .where('id', '=', repositoryId)
    .returningAll()
    .executeTakeFirstOrThrow()
  await noteCare(transaction, repositoryId, { heldSince: null, lookedAtUntil: clock.now() })
  if (trust) {
    const suspects = [...(await ledger.snapshots(repositoryId, transaction)).values()]
    for (const { id: snapshotId, suspectBecause } of suspects) {
      if (suspectBecause === undefined) continue
      await ledger.write({ repositoryId, what: 'trusted', snapshotId, machineId: null }, transaction)
    }
  }
  await tellOfHold(services, lifted, { transaction, actor, verb: 'lift', because: trust ? 'trusted' : 'not trusted' })
}

async function tellOfHold(
  { audit, clock }: Services,
  { id, clientId }: Row<'repositories'>,
  { transaction, actor, verb, because }: NewHold & { readonly verb: 'hold' | 'lift' },
): Promise<void> {
  await audit.write({ actor, what: `repository.${verb}`, clientId, details: { id, because } }, transaction)
  await noteEvents(transaction, [{ kind: 'repository', subject: id, clientId }], clock)
}
