import type { Kysely } from 'kysely'
import type { IndexGenerations } from '../search/index.ts'
import type { Row, Tables } from '../store/tables.ts'

export type IndexRecord = Pick<Row<'searchIndexes'>, 'generation' | 'ledgerSeq' | 'triedAt' | 'problemCode' | 'problem'>

/** Of an index that this node has not begun. */
export const noRecord: IndexRecord = { generation: 0, ledgerSeq: -1, triedAt: 0, problemCode: null, problem: null }

/** How far the search indexes of this server node are, in the database: who puts an older copy on the disk is noticed by it. */
export class IndexRecords implements IndexGenerations {
  readonly #db: Kysely<Tables>
  readonly #serverNode: string

  constructor(db: Kysely<Tables>, serverNode: string) {
    this.#db = db
    this.#serverNode = serverNode
  }

  async load(repository: string): Promise<number> {
    const rows = this.#db.selectFrom('searchIndexes').select('generation').where('repositoryId', '=', repository)
    const row = await rows.where('serverNode', '=', this.#serverNode).executeTakeFirst()
    return row?.generation ?? noRecord.generation
  }

  async save(repository: string, generation: number): Promise<void> {
    await this.set(repository, { generation })
  }

  async remove(repositoryId: string): Promise<void> {
    const rows = this.#db.deleteFrom('searchIndexes').where('repositoryId', '=', repositoryId)
    await rows.where('serverNode', '=', this.#serverNode).execute()
  }

  /** Of all repositories, by their ids. */
  async all(): Promise<ReadonlyMap<string, IndexRecord>> {
    const rows = this.#db.selectFrom('searchIndexes').selectAll().where('serverNode', '=', this.#serverNode)
    return new Map((await rows.execute()).map((row) => [row.repositoryId, row]))
  }

  async set(repositoryId: string, change: Partial<IndexRecord>): Promise<void> {
    await this.#db
      .insertInto('searchIndexes')
      .values({ serverNode: this.#serverNode, repositoryId, ...noRecord, ...change })
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
