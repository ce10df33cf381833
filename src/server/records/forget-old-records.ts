import type { Kysely } from 'kysely'
import { z } from 'zod'
import type { Services } from '../app/services.ts'
import { clockDoubt } from '../retention/clock-doubt.ts'
import type { Tables } from '../store/tables.ts'
import type { Round } from '../work/round.ts'

/**
 * What the server does of itself many times a day, and went well, says nothing any more after some weeks: the newest of each is
 * what counts. Without this a server with a thousand machines would gather ten million such records in a year, and every look at
 * the newest would take longer. What failed, what people and machines did, and all proofs are kept.
 */

const day = 86_400_000
/** How long such records are kept, in milliseconds. */
const kept = 35 * day
/** Rows that go at once: others want to write, too. */
const batch = 500

const routine = ['ledger-check', 'copy', 'thin-copy', 'purge']

export const forgetOldRecords: Round = {
  name: 'forget old records',
  every: day,
  async run(services: Services, { signal }) {
    const { store, clock } = services
    const { db } = store
    // A clock that was set ahead would make everything old.
    if ((await clockDoubt(services)) !== undefined) return
    const before = clock.now() - kept
    for (const find of [oldLedgerLooks, oldCopyEvidence]) {
      for (let after = ''; ;) {
        signal.throwIfAborted()
        const { ids, last } = await find(db, { before, after })
        if (ids.length > 0) await db.deleteFrom('evidence').where('id', 'in', ids).execute()
        if (last === undefined) break
        after = last
      }
    }
    for (;;) {
      signal.throwIfAborted()
      const ids = await oldRoutine(db, before)
      if (ids.length === 0) return
      await db.deleteFrom('operations').where('id', 'in', ids).execute()
    }
  },
}

interface Page {
  readonly before: number
  /** The id of the last row of the page before. */
  readonly after: string
}

interface Found {
  readonly ids: readonly string[]
  /** Undefined: there are no more. */
  readonly last: string | undefined
}

/** Of the comparisons of ledger and storage those after which there was another of the same repository. */
async function oldLedgerLooks(db: Kysely<Tables>, { before, after }: Page): Promise<Found> {
  const rows = await db
    .selectFrom('evidence')
    .select('id')
    .where('kind', '=', 'ledger')
    .where('measuredAt', '<', before)
    .where('id', '>', after)
    .where((where) =>
      where.exists(
        where
          .selectFrom('evidence as newer')
          .select('newer.id')
          .where('newer.kind', '=', 'ledger')
          .whereRef('newer.repositoryId', '=', 'evidence.repositoryId')
          .whereRef('newer.measuredAt', '>', 'evidence.measuredAt'),
      ),
    )
    .orderBy('id')
    .limit(batch)
    .execute()
  const ids = rows.map(({ id }) => id)
  return { ids, last: ids.at(-1) }
}

const placeSchema = z.object({ destinationId: z.string(), diskId: z.string().nullable() })

/** Of the copies those that were complete again since, at the same place. */
async function oldCopyEvidence(db: Kysely<Tables>, { before, after }: Page): Promise<Found> {
  const rows = await db
    .selectFrom('evidence')
    .select(['id', 'repositoryId', 'measured', 'measuredAt'])
    .where('kind', '=', 'copy')
    .where('measuredAt', '<', before)
    .where('id', '>', after)
    .orderBy('id')
    .limit(batch)
    .execute()
  const copies = await db
    .selectFrom('copies')
    .select(['destinationId', 'repositoryId', 'diskId', 'completeAt'])
    .execute()
  const complete = new Map(copies.map(({ completeAt, ...place }) => [Object.values(place).join(' '), completeAt ?? 0]))
  const ids = rows.flatMap(({ id, repositoryId, measured, measuredAt }) => {
    const place = placeSchema.safeParse(JSON.parse(measured))
    if (!place.success) return []
    const { destinationId, diskId } = place.data
    return (complete.get([destinationId, repositoryId, diskId ?? ''].join(' ')) ?? 0) > measuredAt ? [id] : []
  })
  return { ids, last: rows.at(-1)?.id }
}

async function oldRoutine(db: Kysely<Tables>, before: number): Promise<readonly string[]> {
  const rows = await db
    .selectFrom('operations')
    .select('id')
    .where('kind', 'in', routine)
    .where('state', '=', 'done')
    .where('requestedBy', '=', 'schedule')
    .where('endedAt', '<', before)
    // The next copy is named after the last one.
    .where((where) =>
      where.not(
        where.exists(
          where.selectFrom('copies').select('operationId').whereRef('copies.operationId', '=', 'operations.id'),
        ),
      ),
    )
    .limit(batch)
    .execute()
  return rows.map(({ id }) => id)
}
