import type { Kysely } from 'kysely'
import { z } from 'zod'
import type { Tables } from '../store/tables.ts'

/** What comes of holding a repository's storage against its ledger: evidence, by which people and alerts go. */

const disagreementSchema = z.object({
  kind: z.enum(['missing', 'rolled_back', 'invented']),
  count: z.int(),
  ids: z.array(z.string()),
  /** Since when it has been so, milliseconds since 1970. */
  foundAt: z.number(),
})
/** One thing that ledger and storage say differently. */
export type Disagreement = z.infer<typeof disagreementSchema>

/** What evidence of the kind 'ledger' has measured. */
export const ledgerEvidenceSchema = z.object({
  agrees: z.boolean(),
  snapshots: z.int(),
  /** The first entry of the ledger that does not fit its chain; null: it is whole. */
  brokenAt: z.int().nullable(),
  /** Whether the config is another than the one that was seen first. */
  configChanged: z.boolean(),
  findings: z.array(disagreementSchema),
})

export const ledgerEvidenceKind = 'ledger'

/** What ledger and storage disagreed on when they were last compared, by repository. */
export async function disagreementsOf(
  db: Kysely<Tables>,
  /** Undefined: of every repository. */
  ids?: readonly string[],
): Promise<ReadonlyMap<string | null, readonly Disagreement[]>> {
  const last = await db
    .selectFrom('evidence')
    .innerJoin(
      (from) =>
        from
          .selectFrom('evidence')
          .select(['evidence.repositoryId as ofRepository', ({ fn }) => fn.max('measuredAt').as('latest')])
          .where('kind', '=', ledgerEvidenceKind)
          .$if(ids !== undefined, (query) => query.where('repositoryId', 'in', ids ?? []))
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
