import { sql } from 'kysely'
import { printable } from '#base'
import type { Outcome } from '#protocol'
import type { Services } from '../app/services.ts'
import { ScriptError, outcomeOf } from '../scripts/index.ts'
import type { ScriptReport } from '../scripts/index.ts'
import type { Row } from '../store/tables.ts'

/**
 * Backups of machines without our agent are operations like any other. One begins when its snapshot arrives, which the ledger
 * knows, and ends with the report of the script, or without one when none comes.
 */

/** How long the report of a snapshot that arrived is waited for, in milliseconds. */
const reportLife = 15 * 60_000
/** How far back arrivals are looked for the first time, in milliseconds. */
const firstLookBack = 7 * 86_400_000
/** By how much the clocks of server nodes may differ, in milliseconds. */
const margin = 10 * 60_000
/** The setting that says until when arrivals were noted. */
const notedUntil = 'arrivals noted until'

interface Arrival {
  readonly machineId: string
  readonly clientId: string
  readonly snapshotId: string
  readonly at: number
  /** Whether a script of ours runs there, which reports. */
  readonly reports: boolean
}

/** Enters what arrived from machines without agent, and ends what waited for a report for too long. */
export async function noteArrivals(services: Services): Promise<void> {
  const now = services.clock.now()
  for (const arrival of await findArrivals(services, now)) await enterArrival(services, arrival)
  await endUnreported(services)
  const value = JSON.stringify(now)
  await services.store.db
    .insertInto('settings')
    .values({ name: notedUntil, value })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
    .execute()
}

async function findArrivals({ store }: Services, now: number): Promise<Arrival[]> {
  const noted = await store.db.selectFrom('settings').select('value').where('name', '=', notedUntil).executeTakeFirst()
  const since = noted ? Math.min(Number(noted.value), now) - margin : now - firstLookBack
  const rows = await store.db
    .selectFrom('ledger')
    .innerJoin('repositories', 'repositories.id', 'ledger.repositoryId')
    .innerJoin('machines', 'machines.id', 'repositories.machineId')
    .leftJoin('scripts', 'scripts.machineId', 'machines.id')
    .leftJoin('operations', (join) =>
      join.on((on) =>
        on(
          'operations.onceKey',
          '=',
          sql<string>`${on.ref('machines.id')} || ' snapshot ' || ${on.ref('ledger.snapshotId')}`,
        ),
      ),
    )
    .select([
      'machines.id as machineId',
      'machines.clientId',
      'ledger.snapshotId',
      'ledger.at',
      'scripts.tokenHash as tokenHash',
    ])
    .where('ledger.what', '=', 'received')
    .where('ledger.at', '>', since)
    .where('machines.publicKey', 'is', null)
    // One that waits was entered by a server that died before it went on.
    .where((where) => where.or([where('operations.id', 'is', null), where('operations.state', '=', 'waiting')]))
    .orderBy('ledger.at')
    .execute()
  return rows.map(({ tokenHash, ...same }) => ({ ...same, reports: tokenHash !== null }))
}

function keyOf(machineId: string, snapshotId: string): string {
  return `${machineId} snapshot ${snapshotId}`
}

async function enterArrival(services: Services, arrival: Arrival): Promise<void> {
  const { operations } = services
  const { machineId, clientId, snapshotId, at, reports } = arrival
  const wanted = {
    clientId,
    machineId,
    kind: 'backup',
    order: { by: 'restic' },
    requestedBy: `machine:${machineId}`,
    onceKey: keyOf(machineId, snapshotId),
    runAt: at,
  }
  await seen(services, machineId, at)
  // Its report may have been quicker.
  if ((await operations.create(wanted)).state !== 'waiting') return
  const { id, claimEpoch: epoch } = await operations.begin(wanted, arrivedBy)
  if (reports) await operations.report(id, epoch, { step: 'The snapshot has arrived; its report is awaited' })
  else await operations.finish(id, epoch, { state: 'done', result: { snapshotId } })
}

/** Stands as the doer of an operation whose snapshot has arrived and whose report has not. */
const arrivedBy = 'arrival'

async function endUnreported({ store, clock, operations }: Services): Promise<void> {
  const waiting = await store.db
    .selectFrom('operations')
    .select(['id', 'claimEpoch', 'onceKey'])
    .where('state', '=', 'running')
    .where('claimedBy', '=', arrivedBy)
    .where('startedAt', '<', clock.now() - reportLife)
    .execute()
  for (const { id, claimEpoch, onceKey } of waiting) {
    const { code, message: reason } = new ScriptError('SCRIPT_NOT_REPORTED')
    const snapshotId = onceKey?.split(' ').at(-1)
    await operations.finish(id, claimEpoch, { state: 'warnings', code, reason, result: { snapshotId } })
  }
}

/** Takes the report of a script. The same report sent twice is one. */
export async function takeReport(
  services: Services,
  machine: Pick<Row<'machines'>, 'id' | 'clientId'>,
  report: ScriptReport,
): Promise<void> {
  const { operations, clock } = services
  const { id: machineId, clientId } = machine
  const now = clock.now()
  await seen(services, machineId, now)
  const claimed = report.summary?.snapshot_id
  const snapshotId = claimed === undefined ? undefined : await findReceived(services, machineId, claimed)
  const order = { by: 'script', system: report.system }
  const about = { clientId, machineId, order, requestedBy: `machine:${machineId}` }
  const runAt = Math.min(Date.parse(report.started), now)
  const runKey = `${machineId} run ${report.started}`
  const onceKey = snapshotId === undefined ? runKey : keyOf(machineId, snapshotId)
  const outcome = judge(report, snapshotId)
  const operation = await operations.begin({ ...about, kind: 'backup', onceKey, runAt }, reportedBy)
  if (await endsWith(services, operation, outcome)) return
  // It came after its operation had been ended without it: what it says is not lost.
  if (operation.code !== 'SCRIPT_NOT_REPORTED') return
  const late = await operations.begin({ ...about, kind: 'late-report', onceKey: runKey, runAt }, reportedBy)
  await endsWith(services, late, outcome)
}

const reportedBy = 'report'

async function endsWith({ operations }: Services, operation: Row<'operations'>, outcome: Outcome): Promise<boolean> {
  const { id, state, claimEpoch } = operation
  if (state !== 'running') return false
  await operations.finish(id, claimEpoch, outcome)
  return true
}

/** The whole id of a snapshot that the server received from the machine. */
async function findReceived({ store }: Services, machineId: string, id: string): Promise<string | undefined> {
  const row = await store.db
    .selectFrom('ledger')
    .innerJoin('repositories', 'repositories.id', 'ledger.repositoryId')
    .select('ledger.snapshotId')
    .where('repositories.machineId', '=', machineId)
    .where('ledger.what', '=', 'received')
    .where('ledger.snapshotId', 'like', `${id}%`) // digits only, by the schema
    .executeTakeFirst()
  return row?.snapshotId
}

/** The machine says how it went; that its snapshot is there, the ledger does. */
function judge(report: ScriptReport, snapshotId: string | undefined): Outcome {
  const { exitCode, restic, started, ended, summary } = report
  const errors = printable(report.errors.join('; '), 1_500)
  const result = { ...(snapshotId !== undefined && { snapshotId }), exitCode, restic, started, ended, summary }
  const wanted = outcomeOf(report)
  if (wanted !== 'failed' && snapshotId === undefined) {
    return failed(new ScriptError('SCRIPT_SNAPSHOT_UNKNOWN', { id: summary?.snapshot_id }), result)
  }
  if (wanted === 'failed') return failed(new ScriptError('SCRIPT_RUN_FAILED', { exitCode, errors }), result)
  if (wanted === 'done') return { state: 'done', result }
  const { code, message: reason } = new ScriptError('SCRIPT_RUN_INCOMPLETE', { errors })
  return { state: 'warnings', code, reason, result }
}

function failed({ code, message: reason }: ScriptError, result: Record<string, unknown>): Outcome {
  return { state: 'failed', code, reason, result }
}

async function seen({ store }: Services, machineId: string, at: number): Promise<void> {
  await store.db
    .updateTable('machines')
    .set({ lastSeenAt: at })
    .where('id', '=', machineId)
    .where((where) => where.or([where('lastSeenAt', 'is', null), where('lastSeenAt', '<', at)]))
    .execute()
}
