import { statfs } from 'node:fs/promises'
import type { Transaction } from 'kysely'
import type { BackupPolicy } from '#policy'
import type { LookReport } from '#protocol'
import { z } from 'zod'
import type { Services } from '../app/services.ts'
import type { Tables } from '../store/tables.ts'
import { firstPolicy, policyForFolders } from './first-policy.ts'
import type { FirstPlace, LeftOut } from './first-policy.ts'
import { createPolicy } from './policies.ts'

/** The machine that the server itself runs on: it is enrolled, and gets its first backup policy, without anybody's doing. */

const name = 'own machine'

const ownMachineSchema = z.object({
  clientId: z.string(),
  /** Null until it is enrolled. */
  machineId: z.string().nullable(),
  /** What a person named at the first start; empty: what is found on the machine decides. */
  folders: z.array(z.string()),
  needsPolicy: z.boolean(),
})

/** What the first policy leaves out, as long as it is followed as it was made. */
export interface FirstLeftOut {
  readonly policyId: string
  readonly items: readonly LeftOut[]
}

export type OwnMachine = z.output<typeof ownMachineSchema>

type Within = Transaction<Tables> | Services['store']['db']

export async function findOwnMachine(within: Within): Promise<OwnMachine | undefined> {
  const row = await within.selectFrom('settings').select('value').where('name', '=', name).executeTakeFirst()
  return row && ownMachineSchema.parse(JSON.parse(row.value))
}

export async function expectOwnMachine(within: Within, about: Pick<OwnMachine, 'clientId' | 'folders'>): Promise<void> {
  const value = formatOwn({ ...about, machineId: null, needsPolicy: true })
  await within.insertInto('settings').values({ name, value }).execute()
}

/** It is enrolled now. Where a person has named folders, it has its policy at once. */
export async function noteOwnMachine(
  services: Services,
  { id, hostName }: { readonly id: string; readonly hostName: string },
  transaction: Transaction<Tables>,
): Promise<void> {
  const own = await findOwnMachine(transaction)
  if (!own || own.machineId !== null) return
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions()
  const isNamed = own.folders.length > 0
  if (isNamed)
    await givePolicy(services, { ...own, id }, policyForFolders(own.folders, hostName, timeZone), transaction)
  await replace(transaction, own, { ...own, machineId: id, needsPolicy: !isNamed })
}

/**
 * Makes the first policy of the machine that the server runs on from what was found on it, and has it backed up at once. Does
 * nothing for another machine, a second time, or where somebody has begun to make policies. Returns the policy's id, and what
 * it leaves out.
 */
export async function makeFirstPolicy(
  services: Services,
  machineId: string,
  report: LookReport,
): Promise<FirstLeftOut | undefined> {
  const { db } = services.store
  const own = await findOwnMachine(db)
  if (own?.machineId !== machineId || !own.needsPolicy) return undefined
  const { policy, leftOut: items } = firstPolicy(report, await firstPlace(services))
  if (policy.what.include.length + (policy.what.databases ?? []).length === 0) return undefined
  return await db.transaction().execute(async (transaction) => {
    // Of two reports at once one changes the row.
    if (!(await replace(transaction, own, { ...own, needsPolicy: false }))) return undefined
    const { clientId } = own
    const known = await transaction
      .selectFrom('policies')
      .select('id')
      .where('clientId', '=', clientId)
      .executeTakeFirst()
    if (known) return undefined
    return { policyId: await givePolicy(services, { clientId, id: machineId }, policy, transaction), items }
  })
}

async function givePolicy(
  services: Services,
  { id: machineId, clientId }: { readonly id: string; readonly clientId: string },
  policy: BackupPolicy,
  transaction: Transaction<Tables>,
): Promise<string> {
  const { id: policyId } = await createPolicy(services, clientId, policy, transaction)
  await transaction.insertInto('machinePolicies').values({ machineId, policyId }).execute()
  const actor = { who: 'server', fromWhere: 'terminal' }
  const details = { id: policyId, policy, machineId }
  await services.audit.write({ actor, what: 'policy.first', clientId, details }, transaction)
  const order = { policyId, name: policy.name }
  const onceKey = `first backup of ${machineId}`
  await services.operations.create(
    { clientId, machineId, kind: 'backup', order, requestedBy: 'server', onceKey },
    transaction,
  )
  return policyId
}

async function replace(within: Within, before: OwnMachine, after: OwnMachine): Promise<boolean> {
  const changed = await within
    .updateTable('settings')
    .set({ value: formatOwn(after) })
    .where('name', '=', name)
    .where('value', '=', formatOwn(before))
    .executeTakeFirst()
  return changed.numUpdatedRows > 0n
}

/** Always in the same order: a row is replaced only when it is what was read. */
function formatOwn({ clientId, machineId, folders, needsPolicy }: OwnMachine): string {
  return JSON.stringify({ clientId, machineId, folders, needsPolicy })
}

async function firstPlace({ storageFolder, folder }: Services): Promise<FirstPlace> {
  const ownFolders = storageFolder === undefined ? [folder] : [folder, storageFolder]
  if (storageFolder === undefined) return { ownFolders }
  const { bavail, bsize } = await statfs(storageFolder)
  return { folder: storageFolder, freeBytes: bavail * bsize, ownFolders }
}
