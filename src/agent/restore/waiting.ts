import { createHash } from 'node:crypto'
import type { RestoreOrder } from '#protocol'
import type { AgentFolder, WaitingRestore } from '../state.ts'
import { RestoreError } from './errors.ts'

/** How long a restore waits for somebody on the machine, in days. */
export const mostDaysWaiting = 7

/** Keys in a fixed order: what was agreed to is compared with what is to be done. */
export function digestOf(order: RestoreOrder): string {
  return createHash('sha256').update(canonical(order)).digest('hex')
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const entries = Object.entries(value).filter(([, item]) => item !== undefined)
  return `{${entries
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`)
    .join(',')}}`
}

/** Whether somebody on this machine has said yes to just this order. */
export async function hasYes(folder: AgentFolder, operationId: string, order: RestoreOrder): Promise<boolean> {
  return (await folder.readYes(operationId))?.digest === digestOf(order)
}

/** Restores that wait for somebody on this machine. */
export async function waitingRestores(folder: AgentFolder): Promise<readonly WaitingRestore[]> {
  const waiting = await folder.readWaiting()
  const known = await Promise.all(waiting.map(async ({ operationId }) => await folder.readYes(operationId)))
  return waiting.filter((_, index) => known[index] === undefined)
}

/**
 * Says yes, on the machine itself, to an order as it was shown there. `password` is that of the repository, where the server
 * does not have it. Throws `RESTORE_NOT_WAITING`, `RESTORE_PASSWORD_NEEDED`.
 */
export async function approveRestore(
  folder: AgentFolder,
  operationId: string,
  { password }: { readonly password?: string | undefined } = {},
): Promise<WaitingRestore> {
  const waiting = (await folder.readWaiting()).find((one) => one.operationId === operationId)
  if (!waiting) throw new RestoreError('RESTORE_NOT_WAITING', { operation: operationId })
  if (waiting.needsPassword && password === undefined) {
    throw new RestoreError('RESTORE_PASSWORD_NEEDED', { operation: operationId })
  }
  await folder.writeYes(operationId, { digest: digestOf(waiting.order), ...(password !== undefined && { password }) })
  return waiting
}
