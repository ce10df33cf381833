import { postFromThread, serveThread, threadData } from '#base'
import { systemIndexFiles } from './index-files.ts'
import type { OpenForSearch, SourceModule } from './source.ts'
import { IndexStore } from './store.ts'
import { watchCancelFlag } from './thread-cancel.ts'
import type { CancelFlag } from './thread-cancel.ts'
import { updateIndex } from './update.ts'
import type { UpdateProgress, UpdateResult } from './update.ts'

/** The thread that reads snapshots and writes indexes, one at a time. */

export interface IndexThreadSetup {
  readonly folder: string
  readonly key: Uint8Array
  readonly mostRows: number
}

export interface UpdateOrder {
  readonly number: number
  readonly repository: string
  readonly source: SourceModule
  readonly atLeast: number
  readonly rebuild: boolean
  readonly cancel: CancelFlag
}

export interface ProgressPosted extends UpdateProgress {
  /** Of the order. */
  readonly number: number
}

const { folder, key, mostRows } = await threadData<IndexThreadSetup>()
const openStore = (repository: string) => new IndexStore(folder, repository, { key, files: systemIndexFiles })

async function update({ number, repository, source, atLeast, rebuild, cancel }: UpdateOrder): Promise<UpdateResult> {
  using watched = watchCancelFlag(cancel)
  const { signal } = watched
  const { openForSearch } = (await import(source.module)) as { readonly openForSearch: OpenForSearch }
  await using opened = await openForSearch(source.options, { signal })
  const onProgress = (progress: UpdateProgress) => postFromThread({ number, ...progress } satisfies ProgressPosted)
  return await updateIndex(openStore(repository), opened.source, { atLeast, rebuild, mostRows, signal, onProgress })
}

serveThread({ update, remove: (repository: string) => openStore(repository).remove() })
