import type { Kysely } from 'kysely'
import { z } from 'zod'
import type { RunView } from '../alerts/index.ts'
import type { Row, Tables } from '../store/tables.ts'

/**
 * The newest backups of every machine, by policy. Read once, then kept up with what has ended since: a thousand machines that
 * back up every hour have three hundred thousand runs in two weeks, too many to be read every minute.
 */
export class RunHistory {
  readonly #machines = new Map<string, MachineRuns>()
  /** Up to here everything that has ended was read. */
  #until = 0

  /** Reads what is new; of machines that are new, what there is. Others are forgotten. */
  async refresh(db: Kysely<Tables>, machineIds: readonly string[], now: number): Promise<void> {
    const readers = await readersOf(db)
    const wanted = new Set(machineIds)
    for (const id of this.#machines.keys()) if (!wanted.has(id)) this.#machines.delete(id)
    // A clock that was set back writes ends that lie before those that were read.
    const since = Math.min(this.#until, now) - overlap
    if (this.#machines.size > 0) {
      const ended = await endedBackups(db).where('endedAt', '>', since).execute()
      for (const row of ended) this.#machines.get(subjectOf(row, readers) ?? '')?.add(row)
    }
    for (const id of machineIds) {
      if (!this.#machines.has(id)) this.#machines.set(id, await readMachine(db, id, readers))
    }
    this.#until = now
  }

  /** Newest first. */
  runsOf(machineId: string, policyId: string): readonly RunView[] {
    return this.#machines.get(machineId)?.of(policyId) ?? []
  }
}

/** Another node's clock may be behind, and what it writes becomes visible a moment later. */
const overlap = 15 * 60_000
/** Runs of one policy that are kept: enough for what is usual, and for the share of good ones. */
const mostRuns = 50
/** Read at first of a machine, for all of its policies. */
const mostRead = 150

type Ended = Pick<Row<'operations'>, 'id' | 'kind' | 'machineId' | 'order' | 'state' | 'endedAt' | 'reason' | 'result'>

interface KnownRun {
  readonly id: string
  readonly view: RunView
}

class MachineRuns {
  readonly #byPolicy = new Map<string, KnownRun[]>()

  add(row: Ended): void {
    const { policyId = row.kind === 'backup' ? byScript : undefined } = orderSchema.parse(JSON.parse(row.order))
    if (policyId === undefined) return
    const before = this.#byPolicy.get(policyId) ?? []
    const others = before.filter(({ id }) => id !== row.id)
    const runs = [...others, { id: row.id, view: viewOf(row) }]
    this.#byPolicy.set(policyId, shorten(runs.toSorted((a, b) => b.view.endedAt - a.view.endedAt)))
  }

  of(policyId: string): readonly RunView[] {
    return (this.#byPolicy.get(policyId) ?? []).map(({ view }) => view)
  }
}

/** The newest, and the last good one however old it is. */
function shorten(runs: readonly KnownRun[]): KnownRun[] {
  const kept = runs.slice(0, mostRuns)
  const lastGood = kept.some(isGood) ? undefined : runs.find(isGood)
  return lastGood ? [...kept, lastGood] : kept
}

function isGood({ view: { outcome } }: KnownRun): boolean {
  return outcome === 'done' || outcome === 'warnings'
}

/** Under which runs are kept that follow no policy of ours: of a machine whose script has its own schedule. */
export const byScript = 'script'

/** The machine that reads each device. */
export type Readers = ReadonlyMap<string, string>

export async function readersOf(db: Kysely<Tables>): Promise<Readers> {
  const rows = await db.selectFrom('devices').select(['machineId', 'readerId']).execute()
  return new Map(rows.map(({ machineId, readerId }) => [machineId, readerId]))
}

/** Whose backup it was: that of a device, if the machine that says so reads it. */
export function subjectOf(
  { kind, machineId, order }: Pick<Row<'operations'>, 'kind' | 'machineId' | 'order'>,
  readers: Readers,
): string | undefined {
  if (kind !== deviceBackup) return machineId ?? undefined
  const { deviceId = '' } = orderSchema.parse(JSON.parse(order))
  return machineId !== null && readers.get(deviceId) === machineId ? deviceId : undefined
}

export const deviceBackup = 'backup-device'

async function readMachine(db: Kysely<Tables>, machineId: string, readers: Readers): Promise<MachineRuns> {
  const own = endedOf(db, machineId, readers.get(machineId)).orderBy('endedAt', 'desc')
  const newest = await own.limit(mostRead).execute()
  const good = await own.where('state', 'in', ['done', 'warnings']).limit(mostRuns).execute()
  const runs = new MachineRuns()
  for (const row of [...newest, ...good]) runs.add(row)
  return runs
}

/** `reader`: the machine that reads it, of a device. */
function endedOf(db: Kysely<Tables>, machineId: string, reader: string | undefined) {
  if (reader === undefined) return endedBackups(db).where('kind', '=', 'backup').where('machineId', '=', machineId)
  return endedBackups(db)
    .where('kind', '=', deviceBackup)
    .where('machineId', '=', reader)
    .where('order', 'like', `%"${machineId}"%`)
}

function endedBackups(db: Kysely<Tables>) {
  return db
    .selectFrom('operations')
    .select(['id', 'kind', 'machineId', 'order', 'state', 'endedAt', 'reason', 'result'])
    .where('kind', 'in', ['backup', deviceBackup])
    .where('endedAt', 'is not', null)
}

const outcomeSchema = z.enum(['done', 'warnings', 'failed', 'cancelled'])
// What a machine says is not trusted to be as ours says it: one that lies must not keep others from being looked at.
const orderSchema = z.object({
  policyId: z.string().optional().catch(undefined),
  deviceId: z.string().optional().catch(undefined),
})
const figuresSchema = z.object({
  bytes: z.number().optional().catch(undefined),
  files: z.number().optional().catch(undefined),
})

function viewOf({ state, endedAt, reason, result }: Ended): RunView {
  const outcome = outcomeSchema.parse(state)
  const about = { endedAt: endedAt ?? 0, outcome, ...(reason !== null && { reason }) }
  const isUseful = outcome === 'done' || outcome === 'warnings'
  return isUseful && result !== null ? { ...about, ...figuresSchema.parse(JSON.parse(result)) } : about
}
