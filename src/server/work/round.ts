import type { Clock } from '#base'
import type { Services } from '../app/services.ts'
import type { Store } from '../store/store.ts'

/**
 * What the server does again and again by itself: to look what is due and enter it as operations, to send what waits. Of
 * several nodes one makes each round; one that dies in it is followed by the next when the next is due.
 */
export interface Round {
  /** Unique among the rounds. */
  readonly name: string
  /** Milliseconds from the begin of one to the begin of the next. */
  readonly every: number
  /** Made also while machines follow a later state of this server, which does what is to be done. */
  readonly evenIfSuperseded?: boolean
  run(services: Services, options: { readonly signal: AbortSignal }): Promise<void>
}

/** Takes a round if it is due: of all who ask at once one hears yes. */
export async function claimRound({ db }: Store, { name, every }: Round, clock: Clock): Promise<boolean> {
  const now = clock.now()
  const first = await db
    .insertInto('rounds')
    .values({ name, lastAt: now })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .returning('name')
    .executeTakeFirst()
  if (first) return true
  const taken = await db
    .updateTable('rounds')
    .set({ lastAt: now })
    .where('name', '=', name)
    // A time that lies far ahead was written by a clock that was wrong; a little, by a node whose clock is not quite this one's.
    .where((where) => where.or([where('lastAt', '<=', now - every), where('lastAt', '>', now + every)]))
    .returning('name')
    .executeTakeFirst()
  return taken !== undefined
}
