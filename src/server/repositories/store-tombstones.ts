import type { Kysely } from 'kysely'
import { fileTypes } from '#backend'
import type { FileRef } from '#backend'
import type { SetAsideFile, Tombstones } from '../endpoint/index.ts'
import type { Tables } from '../store/tables.ts'

/** Rows that one query takes away at most: engines bound the number of values. */
const batch = 500

/**
 * Tombstones of one repository in the control data. This node's memory has them as they were when they were last loaded, and
 * what it changed since; what another node has set aside meanwhile is still shown here, which harms nothing: it lies in its
 * place until it is purged.
 */
export class StoreTombstones implements Tombstones {
  readonly #db: Kysely<Tables>
  readonly #repositoryId: string
  readonly #entries: Map<string, SetAsideFile>

  private constructor(db: Kysely<Tables>, repositoryId: string, entries: Map<string, SetAsideFile>) {
    this.#db = db
    this.#repositoryId = repositoryId
    this.#entries = entries
  }

  static async open(db: Kysely<Tables>, repositoryId: string): Promise<StoreTombstones> {
    const tombstones = new StoreTombstones(db, repositoryId, new Map())
    await tombstones.reload()
    return tombstones
  }

  async reload(): Promise<void> {
    const rows = await this.#db
      .selectFrom('tombstones')
      .selectAll()
      .where('repositoryId', '=', this.#repositoryId)
      .execute()
    this.#entries.clear()
    for (const { type: kind, name, size, day } of rows) {
      const type = fileTypes.find((one) => one === kind)
      if (type) this.#entries.set(keyOf({ type, name }), { file: { type, name }, size, day })
    }
  }

  has(file: FileRef): boolean {
    return this.#entries.has(keyOf(file))
  }

  all(): readonly SetAsideFile[] {
    return [...this.#entries.values()]
  }

  async add({ file, size, day }: SetAsideFile): Promise<void> {
    await this.#db
      .insertInto('tombstones')
      .values({ repositoryId: this.#repositoryId, ...file, size, day })
      .onConflict((conflict) => conflict.columns(['repositoryId', 'type', 'name']).doNothing())
      .execute()
    this.#entries.set(keyOf(file), { file, size, day })
  }

  async remove(files: readonly FileRef[]): Promise<void> {
    for (const type of fileTypes) {
      const names = files.filter((file) => file.type === type).map(({ name }) => name)
      for (let at = 0; at < names.length; at += batch) {
        await this.#db
          .deleteFrom('tombstones')
          .where('repositoryId', '=', this.#repositoryId)
          .where('type', '=', type)
          .where('name', 'in', names.slice(at, at + batch))
          .execute()
      }
    }
    for (const file of files) this.#entries.delete(keyOf(file))
  }
}

function keyOf({ type, name }: FileRef): string {
  return `${type}/${name}`
}
