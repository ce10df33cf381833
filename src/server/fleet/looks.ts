import { lookReportSchema } from '#protocol'
import type { LookReport } from '#protocol'
import { z } from 'zod'
import type { Services } from '../app/services.ts'
import { makeFirstPolicy } from './own-machine.ts'
import type { FirstLeftOut } from './own-machine.ts'

/** What was found on machines, as their agents report it. */

const leftOutSchema = z
  .object({ policyId: z.string(), items: z.array(z.object({ what: z.string(), why: z.string() })) })
  .nullable()

export interface StoredLook {
  readonly report: LookReport
  /** Milliseconds since 1970. */
  readonly reportedAt: number
  /** What the first policy leaves out that the server made by itself. */
  readonly leftOut: FirstLeftOut | null
}

/** Keeps a report, in place of the one before; for the machine that the server runs on it may bring its first policy. */
export async function takeLook(services: Services, machineId: string, report: LookReport): Promise<StoredLook> {
  const { store, clock } = services
  const made = await makeFirstPolicy(services, machineId, report)
  const reportedAt = clock.now()
  const about = { reportedAt, report: JSON.stringify(report) }
  // Of two reports at once one brings the policy, and the other must not forget what that one leaves out.
  const later = made ? { ...about, leftOut: JSON.stringify(made) } : about
  const stored = await store.db
    .insertInto('looks')
    .values({ machineId, ...about, leftOut: JSON.stringify(made ?? null) })
    .onConflict((conflict) => conflict.column('machineId').doUpdateSet(later))
    .returning('leftOut')
    .executeTakeFirstOrThrow()
  return { report, reportedAt, leftOut: leftOutSchema.parse(JSON.parse(stored.leftOut)) }
}

export async function findLook({ store }: Services, machineId: string): Promise<StoredLook | undefined> {
  const row = await store.db.selectFrom('looks').selectAll().where('machineId', '=', machineId).executeTakeFirst()
  if (!row) return undefined
  const report = lookReportSchema.parse(JSON.parse(row.report))
  return { report, reportedAt: row.reportedAt, leftOut: leftOutSchema.parse(JSON.parse(row.leftOut)) }
}
