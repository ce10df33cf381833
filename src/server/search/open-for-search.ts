import { CacheBackend, openBackend } from '#backend'
import type { Backend, OpenBackendOptions } from '#backend'
import { programModule } from '#base'
import type { Cancellable } from '#base'
import { openRepository } from '#repository'
import { RepositorySnapshots } from './repository-source.ts'
import type { OpenedSource, SourceModule } from './source.ts'

/** A repository by its location and password. */
export interface RepositoryPlace {
  readonly location: string
  readonly password: string
  readonly keyHint?: string | undefined
  /** Keeps index files and trees of distant storage on this machine, so that an update fetches only what is new. */
  readonly cacheFolder?: string | undefined
  /** Snapshots that were removed: in object storage they lie there for a while still. */
  readonly without?: readonly string[] | undefined
  readonly backend?: Pick<OpenBackendOptions, 'connections' | 'tls' | 'sftp' | 's3' | 'env'> | undefined
}

/** For `SearchIndex.update`. */
export function repositoryAt(place: RepositoryPlace): SourceModule {
  return { module: programModule('server/search/open-for-search').href, options: place }
}

export async function openForSearch(options: unknown, { signal }: Cancellable): Promise<OpenedSource> {
  const { location, password, keyHint, cacheFolder: folder, without, backend: about } = options as RepositoryPlace
  const backend = openBackend(location, about)
  const wrap = async (inner: Backend, { id: repositoryId }: { readonly id: string }) =>
    await CacheBackend.open(inner, { repositoryId, folder })
  try {
    const isCached = folder !== undefined && !backend.fast
    const repository = await openRepository(backend, { password, keyHint, signal, ...(isCached && { wrap }) })
    return {
      source: new RepositorySnapshots(repository, without),
      async [Symbol.asyncDispose]() {
        repository[Symbol.dispose]()
        await repository.backend[Symbol.asyncDispose]()
      },
    }
  } catch (thrown) {
    await backend[Symbol.asyncDispose]()
    throw thrown
  }
}
