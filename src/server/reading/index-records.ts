import type { Kysely } from 'kysely'
import type { IndexGenerations } from '../search/index.ts'
import type { Row, Tables } from '../store/tables.ts'

type Known = Pick<Row<'searchIndexes'>, 'generation' | 'ledgerSeq' | 'triedAt' | 'problemCode' | 'problem'>

const nothingYet: Known = { generation: 0, ledgerSeq: -1, triedAt: 0, problemCode: null, problem: null }

/** How far the search indexes of this server node are, in the database: who puts an older copy on the disk is noticed by it. */
export class IndexRecords implements IndexGenerations {
  readonly #db: Kysely<Tables>
  readonly #serverNode: string

  constructor(db: Kysely<Tables>, serverNode: string) {
    this.#db = db
    this.#serverNode = serverNode
  }

  async load(repository: string): Promise<number> {
    return (await this.find(repository)).generation
  }

  async save(repository: string, generation: number): Promise<void> {
    await this.set(repository, { generation })
  }

  async remove(repositoryId: string): Promise<void> {
    const rows = this.#db.deleteFrom('searchIndexes').where('repositoryId', '=', repositoryId)
    await rows.where('serverNode', '=', this.#serverNode).execute()
  }

  async find(repositoryId: string): Promise<Known> {
    const rows = this.#db.selectFrom('searchIndexes').selectAll().where('repositoryId', '=', repositoryId)
    return (await rows.where('serverNode', '=', this.#serverNode).executeTakeFirst()) ?? nothingYet
  }

  async set(repositoryId: string, change: Partial<Known>): Promise<void> {
    await this.#db
      .insertInto('searchIndexes')
      .values({ serverNode: this.#serverNode, repositoryId, ...nothingYet, ...change })
      .onConflict((conflict) => conflict.columns(['serverNode', 'repositoryId']).doUpdateSet(change))
      .execute()
  }

  /** Has the index updated at the next look, whatever the ledger says. */
  async askAnew(repositoryId: string): Promise<void> {
    await this.set(repositoryId, { ledgerSeq: -1, triedAt: 0 })
  }

  /** Repositories of which this node has an index, and which are there no more. */
  async orphans(): Promise<string[]> {
    const rows = await this.#db
      .selectFrom('searchIndexes')
      .leftJoin('repositories', 'repositories.id', 'searchIndexes.repositoryId')
      .select('searchIndexes.repositoryId')
      .where('searchIndexes.serverNode', '=', this.#serverNode)
      .where('repositories.id', 'is', null)
      .execute()
    return rows.map(({ repositoryId }) => repositoryId)
  }
}
