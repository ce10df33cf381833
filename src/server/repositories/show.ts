import type { repositorySchema } from '#protocol'
import type { z } from 'zod'
import type { Services } from '../app/services.ts'
import { readSafety } from '../approvals/settings.ts'
import { disagreementsOf } from '../retention/ledger-evidence.ts'
import type { Disagreement } from '../retention/ledger-evidence.ts'
import type { Row } from '../store/tables.ts'
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
