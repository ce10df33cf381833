import { hash } from 'node:crypto'
import type { Services } from '../app/services.ts'
import { pluggedIn } from './copy-round.ts'

const hour = 3_600_000
const day = 24 * hour
/** Over how long the runs of a day are spread. */
const spread = 4 * hour

/** Enters the thinning of each copy that was complete once, once a day; of rotated disks those that are plugged in. */
export async function orderThinning({ store, operations, clock }: Services): Promise<void> {
  const now = clock.now()
  const today = new Date(now).toISOString().slice(0, 10)
  const rows = await store.db
    .selectFrom('copies')
    .innerJoin('repositories', 'repositories.id', 'copies.repositoryId')
    .innerJoin('clients', 'clients.id', 'repositories.clientId')
    .leftJoin('destinationDisks', 'destinationDisks.id', 'copies.diskId')
    .select(['copies.destinationId', 'copies.repositoryId', 'copies.diskId', 'repositories.clientId'])
    .where('copies.completeAt', 'is not', null)
    .where('repositories.held', '=', 0)
    .where('clients.state', '=', 'normal')
    .where((where) => where.or([where('copies.diskId', '=', ''), where('destinationDisks.state', 'in', pluggedIn)]))
    .execute()
  for (const { clientId, ...order } of rows) {
    const name = `${order.destinationId} ${order.repositoryId} ${order.diskId}`
    // A disk is there for a while only.
    const wait = order.diskId === '' ? Number.parseInt(hash('sha256', name).slice(0, 8), 16) % spread : 0
    const onceKey = `thin-copy ${today} ${name}`
    const runAt = Math.min(now + wait, Date.parse(today) + day - 1)
    const about = { clientId, machineId: null, kind: 'thin-copy', requestedBy: 'schedule' }
    await operations.create({ ...about, order, onceKey, runAt })
  }
}
