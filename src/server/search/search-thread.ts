import { serveThread, threadData } from '#base'
import type { SearchAnswer, SearchQuery } from '#protocol'
import { systemIndexFiles } from './index-files.ts'
import { LoadedIndexes } from './loaded-indexes.ts'
import { Cursors } from './ranking.ts'
import { searchPage } from './search-page.ts'
import type { SearchScope } from './search-page.ts'
import { IndexStore } from './store.ts'
import { isCancelled } from './thread-cancel.ts'
import type { CancelFlag } from './thread-cancel.ts'

/** The thread that searches. What it has loaded stays until it ends, within its limit. */

export interface SearchThreadSetup {
  readonly folder: string
  readonly key: Uint8Array
  /** Bytes. */
  readonly memory: number
}

export interface SearchOrder {
  readonly query: SearchQuery
  readonly scopes: readonly SearchScope[]
  readonly cancel: CancelFlag
}

const { folder, key, memory } = await threadData<SearchThreadSetup>()
const indexes = new LoadedIndexes(
  memory,
  (repository) => new IndexStore(folder, repository, { key, files: systemIndexFiles }),
)
const cursors = new Cursors(key)

function search({ query, scopes, cancel }: SearchOrder): SearchAnswer {
  const throwIfCancelled = () => {
    if (isCancelled(cancel)) throw new Error('cancelled')
  }
  return searchPage(query, scopes, { indexes, cursors, throwIfCancelled })
}

serveThread({ search })
