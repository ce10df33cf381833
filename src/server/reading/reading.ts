import { hostname } from 'node:os'
import { join, resolve } from 'node:path'
import { Previews } from '../preview/index.ts'
import { SearchIndex } from '../search/index.ts'
import type { Store } from '../store/store.ts'
import { IndexRecords } from './index-records.ts'
import { OpenedRepositories } from './opened-repositories.ts'
import { Places } from './places.ts'

export interface ReadingOptions {
  /** The server's own. */
  readonly folder: string
  /** 64 hexadecimal digits, which seal the search indexes on the disk. */
  readonly key: string
}

/** What is needed to look into recovery points. Its threads and processes begin when they are needed, and end with it. */
export class Reading implements AsyncDisposable {
  readonly repositories = new OpenedRepositories()
  readonly previews = new Previews()
  readonly downloads = new Places(4, 'downloads')
  readonly searches = new Places(16, 'searches')
  readonly indexRecords: IndexRecords
  readonly search: SearchIndex

  constructor({ db }: Store, { folder, key }: ReadingOptions) {
    // Each node has indexes of its own, on its own disk.
    this.indexRecords = new IndexRecords(db, `${hostname()}:${resolve(folder)}`)
    const generations = this.indexRecords
    this.search = new SearchIndex(join(folder, 'search'), { key: Buffer.from(key, 'hex'), generations })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([
      this.previews[Symbol.asyncDispose](),
      this.search[Symbol.asyncDispose](),
      this.repositories[Symbol.asyncDispose](),
    ])
  }
}
