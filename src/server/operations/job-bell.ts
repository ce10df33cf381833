import type { Kysely } from 'kysely'
import type { Cancellable, Clock } from '#base'
import type { Tables } from '../store/tables.ts'

/** Milliseconds between two looks whether there is work for machines that wait. */
const lookEvery = 1_000

/**
 * Tells machines that wait for work when there is some. However many wait at this node, one query a second looks for all of
 * them, so that a thousand machines that wait cost no more than one; it sees what other nodes enter, too.
 */
export class JobBell {
  readonly #db: Kysely<Tables>
  readonly #clock: Clock
  readonly #waiting = new Map<string, Set<() => void>>()
  #isLooking = false

  constructor(db: Kysely<Tables>, clock: Clock) {
    this.#db = db
    this.#clock = clock
  }

  /** Resolves when there may be work for the machine, at the latest after so many milliseconds. */
  async wait(machineId: string, milliseconds: number, { signal }: Cancellable): Promise<void> {
    signal?.throwIfAborted()
    const over = new AbortController()
    const ring = () => over.abort()
    const rings = this.#waiting.get(machineId) ?? new Set()
    this.#waiting.set(machineId, rings.add(ring))
    signal?.addEventListener('abort', ring)
    if (!this.#isLooking) void this.#look()
    try {
      await this.#clock.sleep(milliseconds, { signal: over.signal }).catch(() => undefined)
      signal?.throwIfAborted()
    } finally {
      signal?.removeEventListener('abort', ring)
      rings.delete(ring)
      if (rings.size === 0) this.#waiting.delete(machineId)
    }
  }

  async #look(): Promise<void> {
    this.#isLooking = true
    while (this.#waiting.size > 0) {
      // A database that is away is told to the machine by its own next look.
      const due = await this.#machinesWithWork().catch(() => [...this.#waiting.keys()])
      for (const machineId of due) for (const ring of this.#waiting.get(machineId) ?? []) ring()
      await this.#clock.sleep(lookEvery)
    }
    this.#isLooking = false
  }

  async #machinesWithWork(): Promise<string[]> {
    const now = this.#clock.now()
    const rows = await this.#db
      .selectFrom('operations')
      .select('machineId')
      .distinct()
      .where('machineId', 'is not', null)
      .where((where) =>
        where.or([
          where.and([where('state', '=', 'waiting'), where('runAt', '<=', now)]),
          where.and([where('state', '=', 'running'), where('claimedUntil', '<', now)]),
        ]),
      )
      .execute()
    return rows.flatMap(({ machineId }) => (machineId === null ? [] : [machineId]))
  }
}
