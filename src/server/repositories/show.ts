import type { Kysely } from 'kysely'
import type { repositorySchema } from '#protocol'
import type { z } from 'zod'
import type { Services } from '../app/services.ts'
import { readSafety } from '../approvals/settings.ts'
import { ledgerEvidenceKind, ledgerEvidenceSchema } from '../retention/ledger-check-job.ts'
import type { Disagreement } from '../retention/ledger-check-job.ts'
import type { Row, Tables } from '../store/tables.ts'
import { formatMoment, formatMomentOrNull } from '../time.ts'

const day = 86_400_000

/** Repositories for people, with what was measured and found last. */
export async function showRepositories(
  { store: { db } }: Services,
  rows: readonly Row<'repositories'>[],
): Promise<z.input<typeof repositorySchema>[]> {
  const ids = rows.length > 0 ? rows.map(({ id }) => id) : ['']
  const cares = await db.selectFrom('repositoryCare').selectAll().where('repositoryId', 'in', ids).execute()
  const careOfEach = new Map(cares.map((care) => [care.repositoryId, care]))
  const disagreements = await disagreementsOf(db, ids)
  const { softDeleteDays } = await readSafety(db)
  return rows.map((row) => {
    const care = careOfEach.get(row.id)
    return showRepository(row, { care, softDeleteDays, disagreements: disagreements.get(row.id) ?? [] })
  })
}

interface Known {
  readonly care: Row<'repositoryCare'> | undefined
  readonly softDeleteDays: number
  readonly disagreements: readonly Disagreement[]
}

function showRepository(
  row: Row<'repositories'>,
  { care, softDeleteDays, disagreements }: Known,
): z.input<typeof repositorySchema> {
  const { id, clientId, machineId, name, sealedPassword, quotaBytes, held, heldBecause } = row
  const heldSince = formatMomentOrNull(care?.heldSince ?? null)
  return {
    id,
    clientId,
    machineId,
    name,
    passwordKept: sealedPassword === null,
    quotaBytes,
    held: held === 0 ? null : { because: heldBecause ?? '', since: heldSince },
    measuredAt: formatMomentOrNull(care?.measuredAt ?? null),
    usedBytes: care?.usedBytes ?? null,
    snapshots: care?.snapshots ?? null,
    softDeleted: softDeletedOf(care, softDeleteDays),
    lastRetentionAt: formatMomentOrNull(care?.lastRetentionAt ?? null),
    deletedAt: formatMomentOrNull(care?.deletedAt ?? null),
    disagreements: disagreements.map(({ kind, count, foundAt }) => ({ kind, count, foundAt: formatMoment(foundAt) })),
  }
}

function softDeletedOf(care: Row<'repositoryCare'> | undefined, softDeleteDays: number) {
  const { softDeletedBytes: bytes = null, softDeletedSince: since = null } = care ?? {}
  if (bytes === null) return null
  // Counted from the end of the day on which it was set aside.
  return { bytes, firstGoesAt: since === null ? null : formatMoment(Date.parse(since) + (1 + softDeleteDays) * day) }
}

/** What ledger and storage of each disagreed on when they were last compared. */
async function disagreementsOf(
  db: Kysely<Tables>,
  ids: readonly string[],
): Promise<Map<string | null, readonly Disagreement[]>> {
  const last = await db
    .selectFrom('evidence')
    .innerJoin(
      (from) =>
        from
          .selectFrom('evidence')
          .select(['evidence.repositoryId as ofRepository', ({ fn }) => fn.max('measuredAt').as('latest')])
          .where('kind', '=', ledgerEvidenceKind)
          .where('repositoryId', 'in', ids)
          .groupBy('repositoryId')
          .as('newest'),
      (join) =>
        join
          .onRef('newest.ofRepository', '=', 'evidence.repositoryId')
          .onRef('newest.latest', '=', 'evidence.measuredAt'),
    )
    .select(['evidence.repositoryId', 'evidence.measured'])
    .where('evidence.kind', '=', ledgerEvidenceKind)
    .execute()
  const findingsOf = (measured: string) => ledgerEvidenceSchema.parse(JSON.parse(measured)).findings
  return new Map(last.map(({ repositoryId, measured }) => [repositoryId, findingsOf(measured)]))
}
