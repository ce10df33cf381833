import { randomUUID } from 'node:crypto'
import type { Kysely, Transaction } from 'kysely'
import { systemClock } from '#base'
import type { Clock } from '#base'
import type { Outcome, Progress } from '#protocol'
import { ServerError } from '../errors.ts'
import { noteEvents } from '../events/note-events.ts'
import type { NewRow, Row, Tables } from '../store/tables.ts'

/**
 * Operations: everything that runs, has run or is to run, in one table that API, console, notifications and history read.
 *
 * Whoever does the work (a server node, a machine) claims it by one conditional statement, so that each runs once however
 * many look for work; says again and again that it still does; and reports with the epoch of its claim. Who was silent for
 * too long has lost the claim, and what it says later is refused.
 */

export interface NewOperation {
  readonly clientId: string | null
  /** The machine that is to do it; null: a server node. */
  readonly machineId: string | null
  readonly kind: string
  /** What is to be done, plain JSON. */
  readonly order: Readonly<Record<string, unknown>>
  /** 'person:…', 'schedule', 'server', 'machine:…'. */
  readonly requestedBy: string
  /** Not before, in milliseconds since 1970. Default: at once. */
  readonly runAt?: number
  /** There is at most one of this key, ever: a policy's run of one moment. */
  readonly onceKey?: string
}

/** The right to do an operation, until it is lost. */
export interface Claim {
  readonly operation: Row<'operations'>
  readonly epoch: number
}

/** How long a claim holds without a word, in milliseconds. */
export const claimLife = 120_000

/** How many candidates one look for work takes at once: others may be quicker with the first. */
const candidates = 5

type ClaimColumns = Pick<NewRow<'operations'>, 'state' | 'startedAt' | 'claimedBy' | 'claimedUntil' | 'claimEpoch'>

const unclaimed: ClaimColumns = {
  state: 'waiting',
  startedAt: null,
  claimedBy: null,
  claimedUntil: null,
  claimEpoch: 0,
}

function claimOf(claimedBy: string, claimEpoch: number, now: number): ClaimColumns {
  return { state: 'running', startedAt: now, claimedBy, claimedUntil: now + claimLife, claimEpoch }
}

export class Operations {
  readonly #db: Kysely<Tables>
  readonly #clock: Clock

  constructor(db: Kysely<Tables>, clock: Clock = systemClock) {
    this.#db = db
    this.#clock = clock
  }

  /** Enters an operation that waits. With a `onceKey` that is known: returns the one that there is. */
  async create(
    wanted: NewOperation,
    within: Kysely<Tables> | Transaction<Tables> = this.#db,
  ): Promise<Row<'operations'>> {
    const created = await this.#insert(wanted, unclaimed, within)
    return created ?? (await this.#known(wanted, within))
  }

  /** Undefined: its `onceKey` is known. */
  async #insert(
    wanted: NewOperation,
    claim: ClaimColumns,
    within: Kysely<Tables> | Transaction<Tables>,
  ): Promise<Row<'operations'> | undefined> {
    const now = this.#clock.now()
    const { onceKey = null, runAt = now, order, ...about } = wanted
    const created = await within
      .insertInto('operations')
      .values({
        ...about,
        ...claim,
        id: randomUUID(),
        order: JSON.stringify(order),
        progress: null,
        result: null,
        reason: null,
        code: null,
        onceKey,
        createdAt: now,
        runAt,
        endedAt: null,
        cancelAskedAt: null,
      })
      .onConflict((conflict) => conflict.column('onceKey').doNothing())
      .returningAll()
      .executeTakeFirst()
    if (created) await this.#tell(created, within)
    return created
  }

  async #known({ onceKey }: NewOperation, within: Kysely<Tables> | Transaction<Tables>): Promise<Row<'operations'>> {
    return await within
      .selectFrom('operations')
      .selectAll()
      .where('onceKey', '=', onceKey ?? null)
      .executeTakeFirstOrThrow()
  }

  /**
   * Takes the next operation that is due: for the machine, or for a server node with `machineId` null. An operation whose
   * doer fell silent is due again. Undefined: there is none.
   */
  async claim(
    by: string,
    { machineId, kinds }: { readonly machineId: string | null; readonly kinds?: readonly string[] },
  ): Promise<Claim | undefined> {
    const now = this.#clock.now()
    let due = this.#db
      .selectFrom('operations')
      .select(['id', 'claimEpoch'])
      .where('machineId', machineId === null ? 'is' : '=', machineId)
      .where((where) =>
        where.or([
          where.and([where('state', '=', 'waiting'), where('runAt', '<=', now)]),
          where.and([where('state', '=', 'running'), where('claimedUntil', '<', now)]),
        ]),
      )
      .orderBy('runAt')
      .limit(candidates)
    if (kinds) due = due.where('kind', 'in', kinds)
    for (const { id, claimEpoch } of await due.execute()) {
      const claimed = await this.#take(id, claimEpoch, by)
      if (claimed) return claimed
    }
    return undefined
  }

  /**
   * Enters an operation that somebody has begun already, and gives it the claim. With a `onceKey` that is known: the one
   * that there is, its claim taken over if it is not ended.
   */
  async begin(wanted: NewOperation, by: string): Promise<Row<'operations'>> {
    // Entered with its claim: whoever looks for work at the same moment would do it, too.
    const created = await this.#insert(wanted, claimOf(by, 1, this.#clock.now()), this.#db)
    if (created) return created
    const { id, claimEpoch, state } = await this.#known(wanted, this.#db)
    const claimed = state === 'waiting' || state === 'running' ? await this.#take(id, claimEpoch, by) : undefined
    if (claimed) return claimed.operation
    return await this.#db.selectFrom('operations').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
  }

  // The epoch is what was seen: of many who try one changes the row, and the others find another epoch.
  async #take(id: string, seen: number, by: string): Promise<Claim | undefined> {
    const now = this.#clock.now()
    const operation = await this.#db
      .updateTable('operations')
      .set((row) => ({
        ...claimOf(by, seen + 1, now),
        startedAt: row.fn.coalesce('startedAt', row.val(now)),
      }))
      .where('id', '=', id)
      .where('claimEpoch', '=', seen)
      .where('state', 'in', ['waiting', 'running'])
      .returningAll()
      .executeTakeFirst()
    if (!operation) return undefined
    await this.#tell(operation)
    return { operation, epoch: seen + 1 }
  }

  /** Says that a claim is still worked on. Returns whether an end was asked for. Throws `CLAIM_LOST`. */
  async report(id: string, epoch: number, progress: Progress | undefined): Promise<{ readonly cancelAsked: boolean }> {
    const operation = await this.#db
      .updateTable('operations')
      .set({
        claimedUntil: this.#clock.now() + claimLife,
        ...(progress && { progress: JSON.stringify(progress) }),
      })
      .where('id', '=', id)
      .where('claimEpoch', '=', epoch)
      .where('state', '=', 'running')
      .returningAll()
      .executeTakeFirst()
    if (!operation) throw new ServerError('CLAIM_LOST')
    if (progress) await this.#tell(operation)
    return { cancelAsked: operation.cancelAskedAt !== null }
  }

  /** Ends an operation that was claimed. The same end told twice is one. Throws `CLAIM_LOST`. */
  async finish(
    id: string,
    epoch: number,
    outcome: Outcome,
    within: Kysely<Tables> | Transaction<Tables> = this.#db,
  ): Promise<Row<'operations'>> {
    const operation = await within
      .updateTable('operations')
      .set({ ...ended(outcome), endedAt: this.#clock.now(), claimedUntil: null })
      .where('id', '=', id)
      .where('claimEpoch', '=', epoch)
      .where('state', '=', 'running')
      .returningAll()
      .executeTakeFirst()
    if (operation) {
      await this.#tell(operation, within)
      return operation
    }
    const before = await within
      .selectFrom('operations')
      .selectAll()
      .where('id', '=', id)
      .where('claimEpoch', '=', epoch)
      .where('state', '=', outcome.state)
      .executeTakeFirst()
    if (!before) throw new ServerError('CLAIM_LOST')
    return before
  }

  /** Gives a claim back: the operation waits again. A claim that is lost already is nothing to give back. */
  async release(id: string, epoch: number): Promise<void> {
    const operation = await this.#db
      .updateTable('operations')
      .set({ state: 'waiting', claimedUntil: null })
      .where('id', '=', id)
      .where('claimEpoch', '=', epoch)
      .where('state', '=', 'running')
      .returningAll()
      .executeTakeFirst()
    if (operation) await this.#tell(operation)
  }

  /** Gives a claim back until a moment (milliseconds since 1970): it waits for somebody, and says for what. Throws `CLAIM_LOST`. */
  async setAside(id: string, epoch: number, { step, until }: { readonly step: string; readonly until: number }) {
    const operation = await this.#db
      .updateTable('operations')
      .set({ state: 'waiting', claimedUntil: null, progress: JSON.stringify({ step }), runAt: until })
      .where('id', '=', id)
      .where('claimEpoch', '=', epoch)
      .where('state', 'in', ['running', 'waiting'])
      .returningAll()
      .executeTakeFirst()
    if (!operation) throw new ServerError('CLAIM_LOST')
    // An end that was asked for while it ran is one now: nobody would hear of it before it runs again.
    if (operation.cancelAskedAt !== null) await this.cancel(id)
    else await this.#tell(operation)
  }

  /** What was set aside is due now. What runs already stays as it is. Throws `STATE_WRONG` when it is over. */
  async takeUp(id: string): Promise<void> {
    const now = this.#clock.now()
    const operation = await this.#db
      .updateTable('operations')
      .set({ runAt: now })
      .where('id', '=', id)
      .where('state', '=', 'waiting')
      .where('runAt', '>', now)
      .returningAll()
      .executeTakeFirst()
    if (operation) return await this.#tell(operation)
    const open = this.#db.selectFrom('operations').select('id').where('id', '=', id)
    const found = await open.where('state', 'in', ['waiting', 'running']).executeTakeFirst()
    if (!found) throw new ServerError('STATE_WRONG', { what: 'operation', state: 'over' })
  }

  /** Asks for an end: what waits is cancelled at once, what runs when its doer hears of it. Throws `STATE_WRONG`. */
  async cancel(id: string): Promise<Row<'operations'>> {
    const now = this.#clock.now()
    const waiting = await this.#db
      .updateTable('operations')
      .set({ state: 'cancelled', endedAt: now, cancelAskedAt: now })
      .where('id', '=', id)
      .where('state', '=', 'waiting')
      .returningAll()
      .executeTakeFirst()
    const changed =
      waiting ??
      (await this.#db
        .updateTable('operations')
        .set({ cancelAskedAt: now })
        .where('id', '=', id)
        .where('state', '=', 'running')
        .returningAll()
        .executeTakeFirst())
    if (!changed) throw new ServerError('STATE_WRONG', { what: 'operation', state: 'over' })
    await this.#tell(changed)
    return changed
  }

  async #tell(
    { id, clientId }: Row<'operations'>,
    within: Kysely<Tables> | Transaction<Tables> = this.#db,
  ): Promise<void> {
    await noteEvents(within, [{ kind: 'operation', subject: id, clientId }], this.#clock)
  }
}

function ended({ state, reason, code, result }: Outcome) {
  return {
    state,
    reason: reason ?? null,
    code: code ?? null,
    result: result === undefined ? null : JSON.stringify(result),
  }
}
