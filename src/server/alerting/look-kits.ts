import { hasCode } from '#base'
import type { ClientRef, KitView } from '../alerts/index.ts'
import type { Services } from '../app/services.ts'
import { kitOf } from '../kit/index.ts'

/** The recovery kit of each client that has backups. */
export async function lookAtKits(services: Services, clients: ReadonlyMap<string, ClientRef>): Promise<KitView[]> {
  const rows = await services.store.db
    .selectFrom('ledger')
    .innerJoin('repositories', 'repositories.id', 'ledger.repositoryId')
    .select(({ fn }) => ['repositories.clientId', fn.min('ledger.at').as('firstAt')])
    .where('ledger.seq', '=', 1)
    .groupBy('repositories.clientId')
    .execute()
  const views: KitView[] = []
  for (const { clientId, firstAt } of rows) {
    const client = clients.get(clientId)
    if (client) views.push({ client, ...(await stateOf(services, clientId, firstAt)) })
  }
  return views
}

async function stateOf(services: Services, clientId: string, firstAt: number): Promise<Omit<KitView, 'client'>> {
  try {
    const { state, madeAt, confirmedAt } = await kitOf(services, clientId)
    if (state === 'confirm-again') return { state, since: (confirmedAt ?? firstAt) + year }
    return { state, since: state === 'none' ? firstAt : (madeAt ?? firstAt) }
  } catch (thrown) {
    // None can be made, because keys to the storage are not known to the server.
    if (!hasCode(thrown, 'KIT_INVALID')) throw thrown
    return { state: 'none', since: firstAt }
  }
}

/** A kit counts as stored for so long after its code was typed back. */
const year = 365 * 86_400_000
