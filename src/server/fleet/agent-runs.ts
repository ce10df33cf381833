import { z } from 'zod'
import type { Services } from '../app/services.ts'
import { noteEvents } from '../events/note-events.ts'
import type { Actor } from '../records/audit.ts'
import type { Row } from '../store/tables.ts'

/**
 * Two agents with one key: a machine whose disk was copied with the agent on it, or a key that was stolen. Each start of an
 * agent has an id of its own. One that is started again is followed by a new one and never heard again; of two that work at
 * once each speaks again after the other has.
 */

const minute = 60_000
/** A word of the former start may come late, by as long as a call may take. */
const settling = 2 * minute
/** After so long without one of the two there is only one. */
const quiet = 30 * minute
/** Starts that were silent for longer are of no interest: two that work at once speak twice a minute. */
const remembered = 60 * minute

const twoSchema = z.object({
  /** Since when the second is there. */
  since: z.number(),
  /** The one that was there first comes first. */
  agents: z.array(z.object({ run: z.string(), hostname: z.string(), fromWhere: z.string() })),
})
export type TwoAgents = z.output<typeof twoSchema>

export interface Speaking {
  readonly run: string
  readonly hostname: string
  readonly machineId: string
  readonly clientId: string
  readonly actor: Actor
}

/** Notes that this start of an agent has spoken; returns the two, if there are two by now. */
export async function noteRun(services: Services, speaking: Speaking): Promise<TwoAgents | undefined> {
  const { store, clock } = services
  const { machineId, run } = speaking
  const now = clock.now()
  const rows = await store.db.selectFrom('agentRuns').selectAll().where('machineId', '=', machineId).execute()
  const before = rows.find((row) => row.run === run)
  const others = rows.filter((row) => row.run !== run)
  const returnedAt = before && isReturn(before, others, now) ? now : (before?.returnedAt ?? null)
  const { hostname, actor } = speaking
  const spoke = { hostname, fromWhere: actor.fromWhere, lastAt: now, returnedAt }
  const row = { ...spoke, machineId, run, firstAt: before?.firstAt ?? now }
  await store.db
    .insertInto('agentRuns')
    .values(row)
    .onConflict((conflict) => conflict.columns(['machineId', 'run']).doUpdateSet(spoke))
    .execute()
  if (!before) await forgetOld(services, machineId, now)
  const two = twoOf([row, ...others], now)
  await noteTwo(services, speaking, two)
  return two
}

/** Jobs go to the one that was there first: done by both, a restore would be made on a machine for which nobody ordered it. */
export async function mayHaveJobs({ store }: Services, machineId: string, run: string | undefined): Promise<boolean> {
  const machine = await store.db
    .selectFrom('machines')
    .select('usedByTwo')
    .where('id', '=', machineId)
    .executeTakeFirst()
  const two = readTwo(machine?.usedByTwo)
  return two === undefined || two.agents[0]?.run === run
}

export function readTwo(text: string | null | undefined): TwoAgents | undefined {
  return text === null || text === undefined ? undefined : twoSchema.parse(JSON.parse(text))
}

function isReturn(own: Row<'agentRuns'>, others: readonly Row<'agentRuns'>[], now: number): boolean {
  const newest = Math.max(own.firstAt, ...others.map(({ firstAt }) => firstAt))
  return others.some(({ lastAt }) => lastAt >= own.lastAt) && now - newest > settling
}

function twoOf(rows: readonly Row<'agentRuns'>[], now: number): TwoAgents | undefined {
  const back = rows
    .filter(({ returnedAt }) => returnedAt !== null && now - returnedAt < quiet)
    .toSorted((a, b) => a.firstAt - b.firstAt)
  const second = back[1]
  if (!second) return undefined
  return { since: second.firstAt, agents: back.map(({ run, hostname, fromWhere }) => ({ run, hostname, fromWhere })) }
}

async function noteTwo(
  { store, audit, clock }: Services,
  { machineId, clientId, actor }: Speaking,
  two: TwoAgents | undefined,
): Promise<void> {
  const value = two ? JSON.stringify(two) : null
  const changed = await store.db
    .updateTable('machines')
    .set({ usedByTwo: value })
    .where('id', '=', machineId)
    .where((where) => (value === null ? where('usedByTwo', 'is not', null) : where('usedByTwo', 'is', null)))
    .returning('id')
    .executeTakeFirst()
  if (!changed) return
  if (two) await audit.write({ actor, what: 'machine.used-by-two', clientId, details: { machineId, ...two } })
  await noteEvents(store.db, [{ kind: 'machine', subject: machineId, clientId }], clock)
}

async function forgetOld({ store }: Services, machineId: string, now: number): Promise<void> {
  await store.db
    .deleteFrom('agentRuns')
    .where('machineId', '=', machineId)
    .where('lastAt', '<', now - remembered)
    .execute()
}
