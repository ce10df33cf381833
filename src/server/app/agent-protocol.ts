import { protocolHeader } from '#protocol'
import { ServerError } from '../errors.ts'
import { noteRefusedAgent } from '../fleet/agent-update.ts'
import type { Caller, MachineCaller } from './caller.ts'
import type { Call } from './identify.ts'
import type { Services } from './services.ts'

/** As agents say it: `understudy/1.2.3`. */
const agentName = /^understudy\/([0-9A-Za-z.+-]{1,40})$/

/**
 * Refuses agents of a protocol that this server does not understand, before anything that they sent is read; who looks at
 * the machine is told. Throws `AGENT_TOO_OLD`, `AGENT_TOO_NEW`, `INPUT_INVALID`.
 */
export async function refuseOtherProtocols(
  { headers }: Call,
  caller: Caller | MachineCaller | undefined,
  services: Services,
): Promise<void> {
  const { oldest, newest } = services.protocols
  const said = headers.get(protocolHeader) ?? '1'
  if (!/^\d{1,6}$/.test(said)) {
    throw new ServerError('INPUT_INVALID', { part: 'call', reason: `"${protocolHeader}": it is no number` })
  }
  const spoken = Number(said)
  if (spoken >= oldest && spoken <= newest) return
  const isFromAgent = headers.has(protocolHeader) || (caller !== undefined && 'machineId' in caller)
  if (!isFromAgent) return
  const version = agentName.exec(headers.get('user-agent') ?? '')?.[1] ?? 'of unknown version'
  const isOld = spoken < oldest
  if (caller && 'machineId' in caller) {
    await noteRefusedAgent(services, caller.machineId, { agentVersion: version, update: isOld ? 'needed' : 'server' })
  }
  throw new ServerError(isOld ? 'AGENT_TOO_OLD' : 'AGENT_TOO_NEW', { version, spoken, oldest, newest })
}
