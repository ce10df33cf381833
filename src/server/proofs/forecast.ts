import { z } from 'zod'
import { compareWithLimit, forecastRestore } from '#register'
import type { Evidence, Fit, Forecast, MeasuredLine, MeasuredRestore } from '#register'
import { loadSnapshot } from '#repository'
import type { Services } from '../app/services.ts'
import { openOwnRepository } from '../repositories/open-repository.ts'
import { findReceived, repositoryOf } from '../restores/find-snapshot.ts'
import { workingMachine } from '../restores/order-restore.ts'
import type { Row } from '../store/tables.ts'

/** What a full restore of a machine brings back. */
interface Content {
  readonly bytes: number
  /** Files and folders. */
  readonly files: number
}

export interface MachineForecast {
  readonly forecast: Forecast
  readonly content: Content | undefined
  readonly fit: Fit | undefined
}

export interface ForecastQuestion {
  /** The machine that would be restored to. */
  readonly to: string
  /** Seconds that it may take. */
  readonly limit?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * How long a full restore of a machine will take, from what was measured and nothing else. Throws `NOT_FOUND`,
 * `STATE_WRONG`.
 */
export async function forecastMachine(
  services: Services,
  machineId: string,
  { to, limit, signal }: ForecastQuestion,
): Promise<MachineForecast> {
  const repository = await repositoryOf(services, machineId)
  if (to !== machineId) await workingMachine(services, to, repository.clientId)
  const content = await contentOf(services, repository, machineId, { signal })
  if (!content) {
    const reasons = ['How much would have to be restored is not known: there is no backup that tells it.']
    return { forecast: { known: false, reasons }, content, fit: undefined }
  }
  const measured = await loadMeasurements(services, repository.clientId)
  const task = { copy: repository.id, machine: to, ...content }
  const forecast = forecastRestore(task, { ...measured, disks: [] }, services.clock.now())
  return { forecast, content, fit: limit === undefined ? undefined : compareWithLimit(forecast, limit) }
}

const figuresSchema = z.object({
  bytes: z.number(),
  files: z.number(),
  foldersNew: z.number().nullish(),
  foldersChanged: z.number().nullish(),
  foldersUnmodified: z.number().nullish(),
})
const orderSchema = z.object({ policyId: z.string() })

/** Backups that are looked at for the last one of each policy. */
const backupsLookedAt = 200

/** The last backup of each policy that the machine follows; where no agent reports, what the last snapshot says of itself. */
async function contentOf(
  services: Services,
  repository: Row<'repositories'>,
  machineId: string,
  options: { readonly signal?: AbortSignal | undefined },
): Promise<Content | undefined> {
  const { db } = services.store
  const policies = db.selectFrom('machinePolicies').select('policyId').where('machineId', '=', machineId)
  const followed = new Set((await policies.execute()).map(({ policyId }) => policyId))
  const backups = await db
    .selectFrom('operations')
    .select(['order', 'result'])
    .where('machineId', '=', machineId)
    .where('kind', '=', 'backup')
    .where('state', 'in', ['done', 'warnings'])
    .where('result', 'is not', null)
    .orderBy('endedAt', 'desc')
    .limit(backupsLookedAt)
    .execute()
  const last = new Map<string, Content>()
  for (const { order, result } of backups) {
    const about = orderSchema.safeParse(JSON.parse(order))
    const figures = figuresSchema.safeParse(JSON.parse(result ?? 'null'))
    if (!about.success || !figures.success) continue
    const { policyId } = about.data
    if (last.has(policyId) || (followed.size > 0 && !followed.has(policyId))) continue
    const { bytes, files, foldersNew, foldersChanged, foldersUnmodified } = figures.data
    last.set(policyId, { bytes, files: files + (foldersNew ?? 0) + (foldersChanged ?? 0) + (foldersUnmodified ?? 0) })
  }
  if (last.size === 0) return await contentOfSnapshot(services, repository, options)
  return [...last.values()].reduce((sum, { bytes, files }) => ({ bytes: sum.bytes + bytes, files: sum.files + files }))
}

async function contentOfSnapshot(
  services: Services,
  { id, sealedPassword }: Row<'repositories'>,
  options: { readonly signal?: AbortSignal | undefined },
): Promise<Content | undefined> {
  const received = await services.ledger.received(id)
  if (sealedPassword === null || received.size === 0) return undefined
  const repository = await openOwnRepository(services, id, options)
  const { summary } = await loadSnapshot(repository, await findReceived(services, id, 'latest'), options)
  if (!summary) return undefined
  const folders = summary.dirsNew + summary.dirsChanged + summary.dirsUnmodified
  return { bytes: Number(summary.totalBytesProcessed), files: summary.totalFilesProcessed + folders }
}

const restoreSchema = z.object({
  copy: z.string(),
  machine: z.string(),
  scope: z.enum(['sample', 'whole']),
  bytes: z.number(),
  files: z.number(),
  seconds: z.number(),
})
const lineSchema = z.object({ copy: z.string(), machine: z.string(), bytesPerSecond: z.number() })

/** Rows of evidence that are looked at: the newest of each way are what counts. */
const mostEvidence = 2_000

async function loadMeasurements(
  { store }: Services,
  clientId: string,
): Promise<{ readonly restores: Evidence<MeasuredRestore>[]; readonly lines: Evidence<MeasuredLine>[] }> {
  const { db } = store
  const machines = db.selectFrom('machines').select(['id', 'name']).where('clientId', '=', clientId)
  const names = new Map((await machines.execute()).map(({ id, name }) => [id, name]))
  const rows = await db
    .selectFrom('evidence')
    .selectAll()
    .where('clientId', '=', clientId)
    .where('kind', 'in', ['restore', 'line'])
    .orderBy('measuredAt', 'desc')
    .limit(mostEvidence)
    .execute()
  const read = <Values>(kind: string, schema: z.ZodType<Values>): Evidence<Values>[] =>
    rows.flatMap((row) => {
      const values = schema.safeParse(JSON.parse(row.measured))
      return row.kind === kind && values.success ? [asEvidence(row, values.data, names)] : []
    })
  return { restores: read('restore', restoreSchema), lines: read('line', lineSchema) }
}

function asEvidence<Values>(
  row: Row<'evidence'>,
  values: Values,
  names: ReadonlyMap<string, string>,
): Evidence<Values> {
  const { id, kind, measuredBy, measuredAt: at, holdsUntil } = row
  const [, machine = ''] = /^machine:(.*)$/.exec(measuredBy) ?? []
  const by =
    machine === ''
      ? ({ kind: 'server', id: 'server', name: 'the server' } as const)
      : ({ kind: 'machine', id: machine, name: names.get(machine) ?? 'a machine' } as const)
  return { id, kind, by, at, holdsUntil: holdsUntil ?? at, values }
}
