import { hasCode, systemClock } from '#base'
import type { Cancellable, Clock } from '#base'
import { doneSchema } from '#protocol'
import { ServerLink } from '../link/server-link.ts'
import type { AgentFolder, WaitingRestore } from '../state.ts'
import { approveRestore } from './waiting.ts'

/**
 * Says yes to a restore, and tells the server, so that it is ordered again at once. A server that cannot be reached hears of
 * it later, from the agent. Throws `RESTORE_NOT_WAITING`, `RESTORE_PASSWORD_NEEDED`, `AGENT_NOT_ENROLLED`, `SERVER_REFUSED`.
 */
export async function sayYes(
  folder: AgentFolder,
  operationId: string,
  {
    password,
    version,
    signal,
    clock = systemClock,
  }: { readonly password?: string | undefined; readonly version: string; readonly clock?: Clock } & Cancellable,
): Promise<WaitingRestore> {
  const approved = await approveRestore(folder, operationId, { password })
  const { origin, certificate, machineId } = await folder.readEnrolled()
  const link = new ServerLink({ origin, certificate }, { clock, version })
  const machine = { id: machineId, key: await folder.key() }
  const path = `/api/machine/operations/${operationId}/take-up`
  await link.post(path, {}, { answer: doneSchema, machine, signal }).catch(async (thrown: unknown) => {
    if (hasCode(thrown, 'SERVER_UNREACHABLE') || hasCode(thrown, 'VERSIONS_DIFFER')) return
    // It is over: somebody has cancelled it.
    await folder.removeYes(operationId)
    throw thrown
  })
  return approved
}
