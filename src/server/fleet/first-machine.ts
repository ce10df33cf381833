import { randomUUID } from 'node:crypto'
import type { Services } from '../app/services.ts'
import { createEnrolmentLine, enrolmentLineOf } from './machines.ts'
import { expectOwnMachine, findOwnMachine } from './own-machine.ts'

/** How long the line holds by which the first machine is enrolled, in milliseconds: it is used at once. */
const lineLife = 5 * 60_000

/**
 * Where there is no client yet: makes one, and an enrolment line for the machine that the server runs on, which needs
 * nobody's approval; another one when the machine never came with the first. Undefined: there is a client.
 *
 * @param folders what of the machine is to be backed up at first; none: what is found on it decides
 */
export async function firstMachineLine(services: Services, folders: readonly string[]): Promise<string | undefined> {
  const { store, clock, audit } = services
  const now = clock.now()
  const clientId = await store.db.transaction().execute(async (transaction) => {
    const own = await findOwnMachine(transaction)
    if (own) return own.machineId === null ? own.clientId : undefined
    const known = await transaction.selectFrom('clients').select('id').limit(1).executeTakeFirst()
    if (known) return undefined
    const id = randomUUID()
    const client = { id, name: firstClientName, state: 'normal', stateSince: now, createdAt: now }
    await transaction.insertInto('clients').values(client).execute()
    const entry = { actor: serverActor, what: 'client.create', clientId: id, details: { name: firstClientName } }
    await audit.write(entry, transaction)
    await expectOwnMachine(transaction, { clientId: id, folders: [...folders] })
    return id
  })
  if (clientId === undefined) return undefined
  const about = { clientId, machineKind: 'server', machines: 1, expiresAt: now + lineLife, approves: true }
  return enrolmentLineOf(services, await createEnrolmentLine(services, about))
}

/** Its owner gives it another name. */
const firstClientName = 'My business'

const serverActor = { who: 'server', fromWhere: 'terminal' }
