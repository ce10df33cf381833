import { hasCode } from '#base'
import type { ClientRef, KitView } from '../alerts/index.ts'
import type { Services } from '../app/services.ts'
import { kitOf } from '../kit/index.ts'

type State = Pick<KitView, 'state' | 'since'>

interface Known {
  /** Milliseconds since 1970. */
  readonly lookedAt: number
  /** When the kit was made and confirmed that was looked at. */
  readonly kit: string
  readonly state: State
}

/** Whether a kit is outdated is found by opening every password of the client: not each minute. */
const lookAgainAfter = 3_600_000

/** A kit counts as stored for so long after its code was typed back. */
const year = 365 * 86_400_000

/** The recovery kit of each client that has backups. */
export class Kits {
  readonly #known = new Map<string, Known>()

  async look(services: Services, clients: ReadonlyMap<string, ClientRef>): Promise<KitView[]> {
    const begun = await firstBackups(services)
    const kits = await newestKits(services)
    for (const id of this.#known.keys()) if (!begun.has(id)) this.#known.delete(id)
    const views: KitView[] = []
    for (const [id, firstAt] of begun) {
      const client = clients.get(id)
      if (client) views.push({ client, ...(await this.#stateOf(services, id, { firstAt, kit: kits.get(id) })) })
    }
    return views
  }

  async #stateOf(
    services: Services,
    clientId: string,
    { firstAt, kit }: { readonly firstAt: number; readonly kit: string | undefined },
  ): Promise<State> {
    if (kit === undefined) return { state: 'none', since: firstAt }
    const now = services.clock.now()
    const known = this.#known.get(clientId)
    if (known?.kit === kit && Math.abs(now - known.lookedAt) < lookAgainAfter) return known.state
    const state = await stateNow(services, clientId, firstAt)
    this.#known.set(clientId, { lookedAt: now, kit, state })
    return state
  }
}

async function firstBackups({ store }: Services): Promise<ReadonlyMap<string, number>> {
  const rows = await store.db
    .selectFrom('ledger')
    .innerJoin('repositories', 'repositories.id', 'ledger.repositoryId')
    .select(({ fn }) => ['repositories.clientId', fn.min('ledger.at').as('firstAt')])
    .where('ledger.seq', '=', 1)
    .groupBy('repositories.clientId')
    .execute()
  return new Map(rows.map(({ clientId, firstAt }) => [clientId, firstAt]))
}

async function newestKits({ store }: Services): Promise<ReadonlyMap<string, string>> {
  const rows = await store.db
    .selectFrom('kits')
    .select(['clientId', 'madeAt', 'confirmedAt'])
    .orderBy('madeAt')
    .execute()
  return new Map(rows.map(({ clientId, madeAt, confirmedAt }) => [clientId, `${madeAt} ${confirmedAt ?? ''}`]))
}

async function stateNow(services: Services, clientId: string, firstAt: number): Promise<State> {
  try {
    const { state, madeAt, confirmedAt } = await kitOf(services, clientId)
    if (state === 'confirm-again') return { state, since: (confirmedAt ?? firstAt) + year }
    return { state, since: madeAt ?? firstAt }
  } catch (thrown) {
    // None can be made, because keys to the storage are not known to the server.
    if (!hasCode(thrown, 'KIT_INVALID')) throw thrown
    return { state: 'none', since: firstAt }
  }
}
