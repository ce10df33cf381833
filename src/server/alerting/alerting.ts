import type { Cancellable, Clock } from '#base'
import { acknowledge, changeState, mute, Postman, runAlertCycle, unmute } from '../alerts/index.ts'
import type { AlertState, CycleResult, Vital } from '../alerts/index.ts'
import type { Services } from '../app/services.ts'
import { ServerError } from '../errors.ts'
import { ledgerCheckJob } from '../retention/ledger-check-job.ts'
import { ledgerRound } from '../retention/rounds.ts'
import type { Sealer } from '../secrets/sealer.ts'
import type { Store } from '../store/store.ts'
import { KyselyAlertStore } from './kysely-alert-store.ts'
import { Kits } from './look-kits.ts'
import { Protections } from './look-protections.ts'
import { look } from './look.ts'
import { LookedUpNames } from './looked-up-names.ts'
import { SealedAlertSettings } from './sealed-settings.ts'

export interface AlertingOptions {
  readonly clock: Clock
  /** As people reach the server. */
  readonly origin: string
  /** Private networks that alerts may be sent into: `192.168.10.0/24`. Throws `ALERT_NETWORK_INVALID` for what is none. */
  readonly networks?: readonly string[] | undefined
}

const minute = 60_000
/** Somebody looks every minute; after a gap like this nobody has. */
const blindAfter = 5 * minute
/** How long the repositories may not have been looked at before the server no longer counts as well. */
const lookLimit = 60 * minute
/** A look takes minutes; of many that are due at once the last has to wait. */
const workLimit = 180 * minute

/** The alerts of this server: what they are told by, and what they remember. */
export class Alerting {
  readonly settings: SealedAlertSettings
  readonly store: KyselyAlertStore
  readonly postman: Postman
  readonly #clock: Clock
  readonly #names: LookedUpNames
  readonly #protections = new Protections()
  readonly #kits = new Kits()

  constructor({ db }: Store, sealer: Sealer, { clock, origin, networks }: AlertingOptions) {
    this.settings = new SealedAlertSettings(db, sealer)
    this.store = new KyselyAlertStore(db, clock)
    const sender = { name: new URL(origin).hostname, url: origin }
    this.postman = new Postman({ sender, clock, allowed: networks })
    this.#clock = clock
    this.#names = new LookedUpNames(clock)
  }

  /** Looks at everything, tells who has to be told, and calls the outside watch. Run every minute, by one node of many. */
  async cycle(services: Services, { signal }: Cancellable = {}): Promise<CycleResult> {
    const settings = await this.settings.load()
    await this.#names.refresh(settings)
    const lookingSince = await noteLook(services)
    const vitals = await this.#vitals(services)
    const parts = {
      settings,
      store: this.store,
      postman: this.postman,
      clock: this.#clock,
      names: this.#names,
      random: Math.random,
      look: async () =>
        await look(services, { settings, protections: this.#protections, kits: this.#kits, lookingSince }),
      vitals: () => vitals,
    }
    return await runAlertCycle(parts, { signal })
  }

  /** Throws `NOT_FOUND` when none of the keys is an open alert of the client; those of any client with null. */
  async answer(clientId: string | null, keys: readonly string[], answer: Answer): Promise<void> {
    const now = this.#clock.now()
    await changeState(this.store, (state) => {
      const own = keys.filter((key) => isOpenOf(state, key, clientId))
      if (own.length === 0) throw new ServerError('NOT_FOUND', { what: 'open alert' })
      return { state: answered(state, own, { ...answer, now }) }
    })
  }

  async #vitals({ store }: Services): Promise<readonly Vital[]> {
    // That this can be read shows that the database answers; it was written to just before.
    const row = await store.db.selectFrom('rounds').select('lastAt').where('name', '=', ledgerRound).executeTakeFirst()
    const now = this.#clock.now()
    return [
      { name: 'the database', lastGood: now, limit: minute },
      { name: 'the look at the repositories', lastGood: row?.lastAt ?? null, limit: lookLimit },
      // That looks are planned shows nothing: all who do them may hang in a storage that does not answer.
      { name: 'the work on the repositories', lastGood: (await this.#oldestLook(store, now)) ?? now, limit: workLimit },
    ]
  }

  /** Since when a look at a repository waits, or is not over. */
  async #oldestLook({ db }: Store, now: number): Promise<number | undefined> {
    const oldest = await db
      .selectFrom('operations')
      .select('runAt')
      .where('state', 'in', ['waiting', 'running'])
      .where('runAt', '<', now)
      .where('kind', '=', ledgerCheckJob.kind)
      .orderBy('runAt')
      .limit(1)
      .executeTakeFirst()
    return oldest?.runAt
  }
}

/** What a person says to alerts. */
export type Answer =
  | { readonly what: 'acknowledge'; readonly by: string }
  | { readonly what: 'mute'; readonly by: string; readonly until: number }
  | { readonly what: 'unmute' }

function answered(state: AlertState, keys: readonly string[], answer: Answer & { readonly now: number }): AlertState {
  if (answer.what === 'acknowledge') return acknowledge(state, keys, answer)
  return answer.what === 'mute' ? mute(state, keys, answer) : unmute(state, keys)
}

function isOpenOf({ open }: AlertState, key: string, clientId: string | null): boolean {
  const entry = Object.hasOwn(open, key) ? open[key] : undefined
  if (!entry || entry.gone) return false
  return clientId === null || entry.condition.subject.client?.id === clientId
}

const lookedName = 'alerts.looked'

interface Looked {
  readonly last: number
  readonly since?: number
}

/** Notes that somebody looks; answers since when, if there was nobody for a while before. */
async function noteLook({ store, clock }: Services): Promise<number | undefined> {
  const { db } = store
  const now = clock.now()
  const row = await db.selectFrom('settings').select('value').where('name', '=', lookedName).executeTakeFirst()
  const before = row && (JSON.parse(row.value) as Looked)
  const wasBlind = before !== undefined && now - before.last > blindAfter
  const since = wasBlind ? now : before?.since
  const value = JSON.stringify({ last: now, ...(since !== undefined && { since }) })
  await db
    .insertInto('settings')
    .values({ name: lookedName, value })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
    .execute()
  return since
}
