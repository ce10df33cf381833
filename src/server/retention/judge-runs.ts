import type { Kysely } from 'kysely'
import { printable } from '#base'
import { unusualRun } from '#policy'
import type { RunCounts } from '#policy'
import { z } from 'zod'
import type { Services } from '../app/services.ts'
import { serverActor } from '../approvals/approvals.ts'
import type { Row, Tables } from '../store/tables.ts'
import { holdRepository } from './holds.ts'

/**
 * Holds each backup run that has ended against what is usual for its machine. One that changes or deletes many times the usual
 * may be ransomware at work: its snapshot is marked suspect, and nothing is removed from that machine's repository until a
 * person has looked.
 */

/** A run ends by the server's clock, while the server runs: what ended longer ago was looked at, or is history. */
const lookBack = 6 * 3_600_000
/** Runs that one look takes. */
const atOnce = 200
/** Runs by which the usual is known, of all policies of a machine. */
const mostHistory = 400

export async function judgeRuns({ store, ...rest }: Services): Promise<void> {
  const services = { store, ...rest }
  const ended = await store.db
    .selectFrom('operations')
    .innerJoin('repositories', 'repositories.machineId', 'operations.machineId')
    .innerJoin('clients', 'clients.id', 'repositories.clientId')
    .leftJoin('judgedRuns', 'judgedRuns.operationId', 'operations.id')
    .selectAll('operations')
    .select(['repositories.id as repositoryId', 'clients.state as clientState'])
    .where('operations.kind', '=', 'backup')
    .where('operations.state', 'in', ['done', 'warnings'])
    .where('operations.endedAt', '>=', services.clock.now() - lookBack)
    .where('judgedRuns.operationId', 'is', null)
    .orderBy('operations.endedAt')
    .limit(atOnce)
    .execute()
  for (const run of ended) await judgeRun(services, run)
}

type EndedRun = Row<'operations'> & { readonly repositoryId: string; readonly clientState: string }

async function judgeRun(services: Services, run: EndedRun): Promise<void> {
  const { store, clock } = services
  const reported = readReport(run)
  const history = await historyOf(store.db, run)
  const judgement = reported
    ? unusualRun(countsOf(history), countOne(history.at(-1), reported))
    : { answer: 'not known' as const, because: 'The run has reported no figures.' }
  await store.db.transaction().execute(async (transaction) => {
    const { id: operationId, repositoryId } = run
    const judged = await transaction
      .insertInto('judgedRuns')
      .values({ operationId, repositoryId, ...pick(judgement), judgedAt: clock.now() })
      .onConflict((conflict) => conflict.column('operationId').doNothing())
      .returning('operationId')
      .executeTakeFirst()
    if (!judged) return
    const isUnusual = judgement.answer === 'unusual'
    if (!isUnusual && run.clientState !== 'attacked') return
    const why = isUnusual ? judgement.because : 'This client may have been under attack.'
    await markSuspect(services, { run, because: why, snapshotId: reported?.snapshotId, transaction })
    if (!isUnusual) return
    const { name } = z.object({ name: z.string().default('') }).parse(JSON.parse(run.order))
    const because = `A backup by "${printable(name, 100)}" was unusual. ${judgement.because}`
    await holdRepository(services, repositoryId, { because, actor: serverActor, transaction })
  })
}

function pick({ answer, because }: { readonly answer: string; readonly because: string }) {
  return { answer, because }
}

interface Suspicion {
  readonly run: EndedRun
  readonly because: string
  readonly snapshotId: string | undefined
  readonly transaction: Parameters<typeof holdRepository>[2]['transaction']
}

/** In the ledger, by which retention goes, and in the operation, which people see. */
async function markSuspect({ ledger }: Services, { run, because, snapshotId, transaction }: Suspicion): Promise<void> {
  const result = JSON.stringify({ ...(JSON.parse(run.result ?? '{}') as object), suspectBecause: because })
  await transaction.updateTable('operations').set({ result }).where('id', '=', run.id).execute()
  if (snapshotId === undefined) return
  const { repositoryId, machineId } = run
  // Only what the server has received: a machine names whatever it likes.
  const known = await ledger.snapshots(repositoryId, transaction)
  if (!known.has(snapshotId)) return
  await ledger.write({ repositoryId, what: 'suspect', snapshotId, machineId, details: { because } }, transaction)
}

const figure = z.number().min(0).catch(0)
const reportSchema = z.object({
  snapshotId: z.string().optional().catch(undefined),
  files: z.number().min(0),
  filesNew: figure,
  filesChanged: figure,
  bytes: figure,
  bytesAdded: figure,
})
type Report = z.output<typeof reportSchema> & {
  /** Everything could be read: then a file that is not there is gone. */
  readonly isWhole: boolean
}

function readReport({ result, state }: Pick<Row<'operations'>, 'result' | 'state'>): Report | undefined {
  const read = reportSchema.safeParse(JSON.parse(result ?? 'null'))
  return read.success ? { ...read.data, isWhole: state === 'done' } : undefined
}

/** Earlier runs of the same machine and policy, oldest first. */
async function historyOf(db: Kysely<Tables>, run: EndedRun): Promise<Report[]> {
  const rows = await db
    .selectFrom('operations')
    .select(['order', 'result', 'state'])
    .where('machineId', '=', run.machineId)
    .where('kind', '=', 'backup')
    .where('state', 'in', ['done', 'warnings'])
    .where('id', '!=', run.id)
    .where('endedAt', '<=', run.endedAt)
    .orderBy('endedAt', 'desc')
    .limit(mostHistory)
    .execute()
  const policy = policyOf(run.order)
  const same = rows.filter(({ order }) => policyOf(order) === policy)
  return same.toReversed().flatMap((row) => readReport(row) ?? [])
}

function policyOf(order: string): unknown {
  return (JSON.parse(order) as { readonly policyId?: unknown }).policyId
}

function countsOf(reports: readonly Report[]): RunCounts[] {
  return reports.map((report, at) => countOne(reports[at - 1], report))
}

/** What is gone nobody reports: it is what was there before and is neither the same nor changed. */
function countOne(before: Report | undefined, report: Report): RunCounts {
  const { files, filesNew: added, filesChanged: changed, bytes, bytesAdded: newBytes } = report
  const stayed = files - added
  const deleted = before?.isWhole === true && report.isWhole ? Math.max(0, before.files - stayed) : 0
  return { files, bytes, added, changed, deleted, newBytes }
}
