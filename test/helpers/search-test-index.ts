/** Search indexes in a folder, made and searched without threads. */
import type { Cancellable } from '#base'
import { searchQuerySchema } from '#protocol'
import type { SearchAnswer } from '#protocol'
import { compactSegment } from '../../src/server/search/compact.ts'
import { FolderTrees } from '../../src/server/search/folder-trees.ts'
import { systemIndexFiles } from '../../src/server/search/index-files.ts'
import type { IndexFiles } from '../../src/server/search/index-files.ts'
import { LoadedIndexes } from '../../src/server/search/loaded-indexes.ts'
import { Cursors } from '../../src/server/search/ranking.ts'
import { RepositorySnapshots } from '../../src/server/search/repository-source.ts'
import { searchPage } from '../../src/server/search/search-page.ts'
import { IndexStore } from '../../src/server/search/store.ts'
import { updateIndex } from '../../src/server/search/update.ts'
import type { UpdateResult } from '../../src/server/search/update.ts'
import type { SearchHistory } from './search-history.ts'

export interface TestUpdate extends Cancellable {
  readonly repository?: string
  readonly rebuild?: boolean
  readonly atLeast?: number
  readonly mostRows?: number
  readonly files?: IndexFiles
}

/** A query as it comes over the API. */
export type PlainQuery = Readonly<Record<string, unknown>>

export class TestIndex {
  readonly key: Buffer
  readonly indexes: LoadedIndexes
  readonly #folder: string

  constructor(folder: string, { memory = 64 << 20, key = Buffer.alloc(32, 7) } = {}) {
    this.#folder = folder
    this.key = key
    this.indexes = new LoadedIndexes(memory, (repository) => this.store(repository))
  }

  store(repository: string, files: IndexFiles = systemIndexFiles): IndexStore {
    return new IndexStore(this.#folder, repository, { key: this.key, files })
  }

  async update({ source }: SearchHistory, options: TestUpdate = {}): Promise<UpdateResult> {
    const { repository = 'one', files, ...rest } = options
    const all = { atLeast: 0, rebuild: false, mostRows: 1e6, ...rest }
    return await updateIndex(this.store(repository, files), new RepositorySnapshots(source.repository), all)
  }

  /** Writes the index anew, as updates do now and then. */
  compact(): void {
    const store = this.store('one')
    const manifest = store.readManifest()
    const trees = new FolderTrees()
    const content = compactSegment(store.load(manifest, trees), trees)
    const { paths, nameBytes, rows, trees: count, points } = content.head
    const extent = { points: points.length, paths: paths + 1, nameBytes, rows, trees: count }
    store.commit({ ...manifest, generation: manifest.generation + 1, segments: [store.writeSegment(content)], extent })
  }

  search(query: PlainQuery, { repositories = ['one'], atLeast = 0 } = {}): SearchAnswer {
    const scopes = repositories.map((repository) => ({ repository, machine: `of ${repository}`, atLeast }))
    const options = { indexes: this.indexes, cursors: new Cursors(this.key), throwIfCancelled: () => undefined }
    return searchPage(searchQuerySchema.parse(query), scopes, options)
  }

  /** All pages together. */
  searchAll(query: PlainQuery, repository = 'one'): SearchAnswer {
    let page = this.search(query, { repositories: [repository] })
    const files = [...page.files]
    while (page.cursor !== null) {
      page = this.search({ ...query, cursor: page.cursor }, { repositories: [repository] })
      files.push(...page.files)
    }
    return { ...page, files }
  }

  /** The paths of what is found, in the order of the answer. */
  paths(query: PlainQuery): string[] {
    return this.searchAll(query).files.map(({ path }) => path)
  }
}
