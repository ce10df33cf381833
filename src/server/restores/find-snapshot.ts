import type { Services } from '../app/services.ts'
import { ServerError } from '../errors.ts'
import type { Row } from '../store/tables.ts'

/** The repository of a machine. Throws `NOTHING_YET`. */
export async function repositoryOf({ store }: Services, machineId: string): Promise<Row<'repositories'>> {
  const query = store.db.selectFrom('repositories').selectAll().where('machineId', '=', machineId)
  const repository = await query.executeTakeFirst()
  if (!repository) throw new ServerError('NOTHING_YET', { what: 'repository' })
  return repository
}

/**
 * A snapshot of a repository, by the ledger: an id, or `latest` for the one that was received last, whatever time it gives
 * itself. Throws `NOT_FOUND`, `NOTHING_YET`.
 */
export async function findReceived({ ledger }: Services, repositoryId: string, wanted: string): Promise<string> {
  const received = await ledger.received(repositoryId)
  if (wanted !== 'latest') {
    if (received.has(wanted)) return wanted
    throw new ServerError('NOT_FOUND', { what: 'snapshot' })
  }
  const [first, ...others] = [...received]
  if (!first) throw new ServerError('NOTHING_YET', { what: 'snapshot' })
  return others.reduce((newest, each) => (each[1] >= newest[1] ? each : newest), first)[0]
}
