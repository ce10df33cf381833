import { setMaxListeners } from 'node:events'
import { systemClock } from '#base'
import type { Cancellable, Clock } from '#base'
import type { Kysely } from 'kysely'
import type { Row, Tables } from '../store/tables.ts'

type Event = Row<'events'>

/** What who watches is given: an event; 'missed', when some are not known any more; 'idle', when there was none for a while. */
export type Fed = Event | { readonly kind: 'missed'; readonly seq: number } | { readonly kind: 'idle' }

export interface EventFeedOptions {
  /** Milliseconds between two looks into the database. */
  readonly rhythm?: number
  /** Milliseconds without an event after which that is said. */
  readonly idleAfter?: number
  /** By which it waits. */
  readonly waiting?: Clock
}

/** Newest events that are kept in memory: who is further behind reads from the database, at its own pace. */
const mostKept = 2_000
const pageLength = 500
/**
 * Numbers are given when events are written and seen when they are committed: in PostgreSQL 6 may be there before 5. What
 * comes after a gap waits so many milliseconds for what is missing; after that it was taken back, and never comes.
 */
const gapWait = 3_000

/**
 * The events of this server, for any number of watchers: one look into the database serves all of a node. A watcher has a
 * place in the feed and nothing else, so that one who reads slowly costs no memory.
 */
export class EventFeed {
  readonly #db: Kysely<Tables>
  readonly #clock: Clock
  readonly #options: Required<EventFeedOptions>
  readonly #woken = new Set<() => void>()
  #kept: Event[] = []
  /** All events after this one, up to the head, are kept. */
  #keptAfter = 0
  /** The newest event that is given to watchers. */
  #head = 0
  #gap: { readonly after: number; readonly since: number } | undefined
  #watchers = 0
  #polling: Promise<void> | undefined
  #ready: Promise<void> = Promise.resolve()
  #ending = new AbortController()

  constructor(db: Kysely<Tables>, clock: Clock, options: EventFeedOptions = {}) {
    this.#db = db
    this.#clock = clock
    this.#options = { rhythm: 1_000, idleAfter: 15_000, waiting: systemClock, ...options }
    setMaxListeners(0, this.#ending.signal)
  }

  /** Events from now on, or those after `after`; until the signal aborts or the feed ends. */
  async *watch({ after, signal }: { readonly after: number | undefined } & Cancellable): AsyncGenerator<Fed> {
    const ending = signal ? AbortSignal.any([signal, this.#ending.signal]) : this.#ending.signal
    this.#watchers++
    try {
      await this.#open()
      let at = after ?? this.#head
      if (after !== undefined && (await this.#isForgotten(after))) {
        at = this.#head
        yield { kind: 'missed', seq: at }
      }
      while (!ending.aborted) {
        const events = at < this.#head ? await this.#after(at) : []
        for (const event of events) {
          if (ending.aborted) return
          yield event
          at = event.seq
        }
        if (events.length === 0 && !(await this.#isWoken(at, ending)) && !ending.aborted) yield { kind: 'idle' }
      }
    } finally {
      this.#watchers--
    }
  }

  /** Ends everybody's watching, for a server that stops. Who comes later may watch again. */
  async end(): Promise<void> {
    this.#ending.abort(new Error('the server stops'))
    await this.#polling
    this.#ending = new AbortController()
    setMaxListeners(0, this.#ending.signal)
  }

  async #open(): Promise<void> {
    if (!this.#polling) {
      this.#ready = this.#findHead()
      this.#polling = this.#poll(this.#ending.signal)
    }
    await this.#ready
  }

  // What was written a moment ago may become visible in another order: it is given again rather than left out.
  async #findHead(): Promise<void> {
    const { head } = await this.#db
      .selectFrom('events')
      .select(({ fn }) => fn.max('seq').as('head'))
      .where('at', '<=', this.#clock.now() - gapWait)
      .executeTakeFirstOrThrow()
    this.#head = head ?? 0
    this.#keptAfter = this.#head
    this.#kept = []
    this.#gap = undefined
  }

  async #poll(signal: AbortSignal): Promise<void> {
    const { rhythm, waiting } = this.#options
    await this.#ready.catch(() => undefined)
    while (this.#watchers > 0 && !signal.aborted) {
      // A database that is away for a moment ends nobody's watching.
      const isMore = await this.#look().catch(() => false)
      if (!isMore) await waiting.sleep(rhythm, { signal }).catch(() => undefined)
    }
    // In the same step as the last question whether anybody watches: who comes later begins anew.
    this.#polling = undefined
  }

  /** Answers whether there may be more at once. */
  async #look(): Promise<boolean> {
    const rows = await this.#page(this.#head, Number.MAX_SAFE_INTEGER)
    const taken = this.#beforeGap(rows)
    const last = taken.at(-1)
    if (!last) return false
    this.#head = last.seq
    this.#kept.push(...taken)
    const tooMany = this.#kept.splice(0, Math.max(0, this.#kept.length - mostKept))
    this.#keptAfter = tooMany.at(-1)?.seq ?? this.#keptAfter
    for (const wake of this.#woken) wake()
    return taken.length === pageLength
  }

  #beforeGap(rows: readonly Event[]): readonly Event[] {
    const now = this.#options.waiting.monotonic()
    let before = this.#head
    for (const [index, { seq }] of rows.entries()) {
      if (seq !== before + 1 && this.#head > 0) {
        if (this.#gap?.after !== before) this.#gap = { after: before, since: now }
        if (now - this.#gap.since < gapWait) return rows.slice(0, index)
      }
      before = seq
    }
    return rows
  }

  async #after(at: number): Promise<readonly Event[]> {
    if (at < this.#keptAfter) return await this.#page(at, this.#head)
    const from = this.#kept.findIndex(({ seq }) => seq > at)
    return from === -1 ? [] : this.#kept.slice(from, from + pageLength)
  }

  async #page(after: number, until: number): Promise<Event[]> {
    return await this.#db
      .selectFrom('events')
      .selectAll()
      .where('seq', '>', after)
      .where('seq', '<=', until)
      .orderBy('seq')
      .limit(pageLength)
      .execute()
  }

  /** Events are kept for a day; and a database that was restored counts again from where it was. */
  async #isForgotten(after: number): Promise<boolean> {
    const { oldest, newest } = await this.#db
      .selectFrom('events')
      .select(({ fn }) => [fn.min('seq').as('oldest'), fn.max('seq').as('newest')])
      .executeTakeFirstOrThrow()
    return oldest === null || newest === null || after + 1 < oldest || after > newest
  }

  /** True when there are events after `at`; false when there were none for a while, or it is over. */
  async #isWoken(at: number, signal: AbortSignal): Promise<boolean> {
    const { waiting, idleAfter } = this.#options
    if (this.#head > at) return true
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const over = new AbortController()
    const wake = () => resolve(true)
    this.#woken.add(wake)
    const both = AbortSignal.any([signal, over.signal])
    waiting.sleep(idleAfter, { signal: both }).then(
      () => resolve(false),
      () => resolve(false),
    )
    try {
      return await promise
    } finally {
      this.#woken.delete(wake)
      over.abort()
    }
  }
}
