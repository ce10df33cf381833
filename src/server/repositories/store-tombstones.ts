import type { Kysely } from 'kysely'
import { fileTypes } from '#backend'
import type { FileRef } from '#backend'
import type { SetAsideFile, Tombstones } from '../endpoint/index.ts'
import type { Row, Tables } from '../store/tables.ts'

/** Rows that one query takes away at most: engines bound the number of values. */
const batch = 500

/** By the key of each file; undefined: it is none any more. */
type Changes = Map<string, SetAsideFile | undefined>

/**
 * Tombstones of one repository in the control data. This node's memory has them as they were when they were last loaded, and
 * what it changed since. Whoever goes by what is listed has them loaded first: what another node has set aside meanwhile lies in
 * its place until it is purged, and a backup must not count on it.
 */
export class StoreTombstones implements Tombstones {
  readonly #db: Kysely<Tables>
  readonly #repositoryId: string
  #entries = new Map<string, SetAsideFile>()
  /** What has changed here since each of the loads that are under way began. */
  readonly #sinceLoads = new Set<Changes>()

  private constructor(db: Kysely<Tables>, repositoryId: string) {
    this.#db = db
    this.#repositoryId = repositoryId
  }

  static async open(db: Kysely<Tables>, repositoryId: string): Promise<StoreTombstones> {
    const tombstones = new StoreTombstones(db, repositoryId)
    await tombstones.reload()
    return tombstones
  }

  async reload(): Promise<void> {
    await this.#load(async () => {
      const entries = new Map<string, SetAsideFile>()
      for (const row of await this.#rows().execute()) {
        const entry = entryOf(row)
        if (entry) entries.set(keyOf(entry.file), entry)
      }
      return () => (this.#entries = entries)
    })
  }

  async reloadOne(file: FileRef): Promise<void> {
    await this.#load(async () => {
      const row = await this.#rows().where('type', '=', file.type).where('name', '=', file.name).executeTakeFirst()
      return () => apply(this.#entries, new Map([[keyOf(file), row && entryOf(row)]]))
    })
  }

  #rows() {
    return this.#db.selectFrom('tombstones').selectAll().where('repositoryId', '=', this.#repositoryId)
  }

  // A change that is made while the rows are on their way may be in them or not.
  async #load(read: () => Promise<() => void>): Promise<void> {
    const since: Changes = new Map()
    this.#sinceLoads.add(since)
    try {
      const take = await read()
      take()
      apply(this.#entries, since)
    } finally {
      this.#sinceLoads.delete(since)
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
    this.#note(new Map([[keyOf(file), { file, size, day }]]))
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
    this.#note(new Map(files.map((file) => [keyOf(file), undefined])))
  }

  #note(changes: Changes): void {
    apply(this.#entries, changes)
    for (const since of this.#sinceLoads) for (const [key, entry] of changes) since.set(key, entry)
  }
}

function entryOf({ type: kind, name, size, day }: Row<'tombstones'>): SetAsideFile | undefined {
  const type = fileTypes.find((one) => one === kind)
  return type && { file: { type, name }, size, day }
}

function apply(entries: Map<string, SetAsideFile>, changes: Changes): void {
  for (const [key, entry] of changes) {
    if (entry) entries.set(key, entry)
    else entries.delete(key)
  }
}

function keyOf({ type, name }: FileRef): string {
  return `${type}/${name}`
}
