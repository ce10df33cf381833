import type { Kysely } from 'kysely'
import type { Clock } from '#base'
import type { LockOwners } from '../endpoint/index.ts'
import type { Tables } from '../store/tables.ts'

/** No lock lives as long: what is left of locks that others have removed must not grow for ever. In milliseconds. */
const longestLife = 30 * 86_400_000

/** The owners of locks in the control data, so that a machine may give a lock back at another node than took it. */
export class StoreLockOwners implements LockOwners {
  readonly #db: Kysely<Tables>
  readonly #clock: Clock

  constructor(db: Kysely<Tables>, clock: Clock) {
    this.#db = db
    this.#clock = clock
  }

  async record(repositoryId: string, lock: string, machineId: string): Promise<void> {
    const at = this.#clock.now()
    await this.#db
      .insertInto('lockOwners')
      .values({ repositoryId, lock, machineId, at })
      .onConflict((conflict) => conflict.columns(['repositoryId', 'lock']).doUpdateSet({ machineId, at }))
      .execute()
  }

  async ownerOf(repositoryId: string, lock: string): Promise<string | undefined> {
    const found = await this.#db
      .selectFrom('lockOwners')
      .select('machineId')
      .where('repositoryId', '=', repositoryId)
      .where('lock', '=', lock)
      .executeTakeFirst()
    return found?.machineId
  }

  async forget(repositoryId: string, lock: string): Promise<void> {
    await this.#db
      .deleteFrom('lockOwners')
      .where('repositoryId', '=', repositoryId)
      .where((where) => where.or([where('lock', '=', lock), where('at', '<', this.#clock.now() - longestLife)]))
      .execute()
  }
}
