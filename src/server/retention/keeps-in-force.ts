import type { Kysely } from 'kysely'
import { z } from 'zod'
import { backupPolicySchema } from '#protocol'
import { keepsLess } from '#policy'
import type { BackupPolicy, Keep } from '#policy'
import type { Tables } from '../store/tables.ts'
import { careOf, hasSnapshots } from './care.ts'

/** A policy's keep, as retention goes by it. */
export interface KeepInForce {
  readonly policyId: string
  readonly keep: Keep
}

const keepsSchema = z.array(z.object({ policyId: z.string(), keep: backupPolicySchema.shape.keep }))

/** By which policies retention of a repository went last. */
export async function keepsInForce(db: Kysely<Tables>, repositoryId: string): Promise<readonly KeepInForce[]> {
  const { keeps = null } = (await careOf(db, repositoryId)) ?? {}
  return keeps === null ? [] : keepsSchema.parse(JSON.parse(keeps))
}

export function formatKeeps(policies: readonly { readonly id: string; readonly policy: BackupPolicy }[]): string {
  return JSON.stringify(policies.map(({ id: policyId, policy: { keep } }) => ({ policyId, keep })))
}

/** Whether something that `before` keeps is kept less long by each of `after`. Where nothing is to go by, nothing is removed. */
export function shortens(before: readonly Keep[], after: readonly Keep[]): boolean {
  if (after.length === 0) return false
  return before.some((keep) => after.every((other) => keepsLess(keep, other)))
}

/** Whether backups are kept by a policy: a machine with snapshots follows it, or its retention last went by it. */
export async function isInForce(db: Kysely<Tables>, policyId: string): Promise<boolean> {
  const followed = await db
    .selectFrom('machinePolicies')
    .innerJoin('repositories', 'repositories.machineId', 'machinePolicies.machineId')
    .select('repositories.id')
    .where('machinePolicies.policyId', '=', policyId)
    .where(hasSnapshots)
    .executeTakeFirst()
  if (followed) return true
  const cared = await db
    .selectFrom('repositoryCare')
    .select('keeps')
    .where('keeps', 'like', `%${policyId}%`)
    .executeTakeFirst()
  return cared !== undefined
}

/** Whether a machine that follows these policies from now on would have less kept than until now. */
export async function shortensForMachine(
  db: Kysely<Tables>,
  machineId: string,
  { before, after }: { readonly before: readonly Keep[]; readonly after: readonly Keep[] },
): Promise<boolean> {
  const repositories = await db
    .selectFrom('repositories')
    .select('id')
    .where('machineId', '=', machineId)
    .where(hasSnapshots)
    .execute()
  for (const { id } of repositories) {
    const remembered = (await keepsInForce(db, id)).map(({ keep }) => keep)
    if (shortens([...before, ...remembered], after)) return true
  }
  return false
}
