import type { MachineGlance } from '#protocol'
import type { Kysely } from 'kysely'
import type { Tables } from '../store/tables.ts'
import { formatMomentOrNull } from '../time.ts'

export interface GlanceScope {
  /** The clients whose machines may be seen. */
  readonly seen: 'every' | readonly string[]
  readonly client?: string | undefined
}

/**
 * All machines at a glance. Thousands are asked for at once: each figure is found by an index, and none by reading a whole
 * history.
 */
export async function glanceAtMachines(db: Kysely<Tables>, { seen, client }: GlanceScope): Promise<MachineGlance[]> {
  let machines = db.selectFrom('machines').select(['id', 'clientId'])
  if (seen !== 'every') machines = machines.where('clientId', 'in', seen.length > 0 ? [...seen] : [''])
  if (client !== undefined) machines = machines.where('clientId', '=', client)
  const rows = await machines.orderBy('id').execute()
  const [stored, policies] = [await storedBy(db), await policiesBy(db)]
  return rows.map(({ id }) => {
    const { newestAt = null, recoveryPoints = null, usedBytes = null, provenAt = null } = stored.get(id) ?? {}
    return {
      machineId: id,
      newestAt: formatMomentOrNull(newestAt),
      recoveryPoints,
      usedBytes,
      policies: policies.get(id) ?? 0,
      provenAt: formatMomentOrNull(provenAt),
    }
  })
}

interface Stored {
  readonly newestAt: number | null
  readonly recoveryPoints: number | null
  readonly usedBytes: number | null
  readonly provenAt: number | null
}

async function storedBy(db: Kysely<Tables>): Promise<ReadonlyMap<string, Stored>> {
  const rows = await db
    .selectFrom('repositories')
    .leftJoin('repositoryCare', 'repositoryCare.repositoryId', 'repositories.id')
    .select((from) => [
      'repositories.machineId',
      'repositoryCare.snapshots as recoveryPoints',
      'repositoryCare.usedBytes',
      // The ledger's newest entry of this kind: its key goes by repository and number.
      from
        .selectFrom('ledger')
        .select('ledger.at')
        .whereRef('ledger.repositoryId', '=', 'repositories.id')
        .where('ledger.what', '=', 'received')
        .orderBy('ledger.seq', 'desc')
        .limit(1)
        .as('newestAt'),
      // Only what was right is evidence of this kind.
      from
        .selectFrom('evidence')
        .select('evidence.measuredAt')
        .whereRef('evidence.clientId', '=', 'repositories.clientId')
        .where('evidence.kind', '=', 'restore')
        .whereRef('evidence.repositoryId', '=', 'repositories.id')
        .orderBy('evidence.measuredAt', 'desc')
        .limit(1)
        .as('provenAt'),
    ])
    .where('repositories.machineId', 'is not', null)
    .execute()
  return new Map(rows.map(({ machineId, ...stored }) => [machineId ?? '', stored]))
}

async function policiesBy(db: Kysely<Tables>): Promise<ReadonlyMap<string, number>> {
  const rows = await db
    .selectFrom('machinePolicies')
    .select(({ fn }) => ['machineId', fn.countAll().as('count')])
    .groupBy('machineId')
    .execute()
  return new Map(rows.map(({ machineId, count }) => [machineId, Number(count)]))
}
