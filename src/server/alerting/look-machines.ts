import type { Kysely } from 'kysely'
import { aboutMachineSchema, machineKindSchema } from '#protocol'
import type { AlertSettings } from '#protocol'
import type { ClientRef, MachineView } from '../alerts/index.ts'
import { readTwo } from '../fleet/agent-runs.ts'
import type { Tables } from '../store/tables.ts'

const minute = 60_000
/**
 * Who has no agent of ours is heard when a backup of it arrives, and no oftener: what its schedule says is watched by that. This is
 * for those of whose schedule nobody knows.
 */
const unseenWithoutAgent = 35 * 24 * 60 * minute

/** The machines that may work. Who waits for approval, or was revoked, is not expected to. */
export async function lookAtMachines(
  db: Kysely<Tables>,
  clients: ReadonlyMap<string, ClientRef>,
  { unseenMinutes }: AlertSettings,
): Promise<MachineView[]> {
  const rows = await db.selectFrom('machines').selectAll().where('state', '=', 'approved').execute()
  const protectedOnes = await protectedMachines(db)
  return rows.flatMap((row) => {
    const client = clients.get(row.clientId)
    const kind = machineKindSchema.parse(row.kind)
    const limit = row.publicKey === null ? unseenWithoutAgent : unseenLimitOf(unseenMinutes[kind])
    const { id, name, createdAt: enrolledAt, lastSeenAt: lastSeen, heardSince, awayUntil, clockAheadMs } = row
    if (!client) return []
    return {
      id,
      name,
      client,
      kind,
      enrolledAt,
      lastSeen,
      addresses: addressesOf(row.about),
      ...(heardSince !== null && { heardSince }),
      ...(awayUntil !== null && { awayUntil }),
      ...(clockAheadMs !== null && { clockAhead: clockAheadMs }),
      ...(limit !== undefined && { unseenLimit: limit }),
      ...usedByTwo(row.usedByTwo),
      ...(!protectedOnes.has(id) && { isUnprotected: true }),
    }
  })
}

/** Who follows a policy, has a script, or, without our agent, sends snapshots by a schedule that only its owner knows. */
async function protectedMachines(db: Kysely<Tables>): Promise<ReadonlySet<string>> {
  const following = await db.selectFrom('machinePolicies').select('machineId').distinct().execute()
  const scripted = await db.selectFrom('scripts').select('machineId').execute()
  const sending = await db
    .selectFrom('machines')
    .innerJoin('repositories', 'repositories.machineId', 'machines.id')
    .select('machines.id as machineId')
    .where('machines.publicKey', 'is', null)
    .where((where) =>
      where.exists(
        where
          .selectFrom('ledger')
          .select('ledger.seq')
          .whereRef('ledger.repositoryId', '=', 'repositories.id')
          .where('ledger.what', '=', 'received'),
      ),
    )
    .execute()
  return new Set([...following, ...scripted, ...sending].map(({ machineId }) => machineId))
}

function unseenLimitOf(minutes: number | undefined): number | undefined {
  return minutes === undefined ? undefined : minutes * minute
}

function usedByTwo(text: string | null): Pick<MachineView, 'usedByTwo'> {
  const two = readTwo(text)
  if (!two) return {}
  const agents = two.agents.map(({ hostname, fromWhere }) => `${hostname} at ${fromWhere}`)
  return { usedByTwo: { since: two.since, agents } }
}

function addressesOf(about: string): readonly string[] {
  const { hostname, addresses = [] } = aboutMachineSchema.partial().parse(JSON.parse(about))
  return hostname === undefined ? addresses : [hostname, ...addresses]
}
