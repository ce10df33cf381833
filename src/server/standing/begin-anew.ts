import type { Services } from '../app/services.ts'
import type { Actor } from '../records/audit.ts'
import { calm } from '../rebuild/calm.ts'
import { orderTakeIns } from './order-take-ins.ts'
import { raised, readStanding, writeStanding } from './standing.ts'
import type { Standing } from './standing.ts'

export interface Beginning {
  /** As it was when this was decided: of many who decide at once one does it. */
  readonly standing: Standing
  /** A clause, for the people who read it. */
  readonly because: string
  readonly actor: Actor
}

/**
 * The server goes on with control data that is behind what was: with a higher epoch, so that machines follow this state of it
 * and no other; calmly, so that nothing is done twice and nothing removed before somebody looks; and each ledger learns from its
 * storage what it does not know.
 */
export async function beginAnew(services: Services, { standing, because, actor }: Beginning): Promise<void> {
  const { store, audit, operations, clock } = services
  await store.db.transaction().execute(async (transaction) => {
    const before = await readStanding(transaction)
    if (before.epoch !== standing.epoch) return
    const after = raised(before)
    if (!(await writeStanding(transaction, before, after))) return
    await calm(transaction, { because, now: clock.now(), keepsFresh: true })
    const details = { because, epoch: after.epoch }
    await audit.write({ actor, what: 'server.begin-anew', details }, transaction)
    await orderTakeIns(operations, { because, epoch: after.epoch, transaction })
  })
}
