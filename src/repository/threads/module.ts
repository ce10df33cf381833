import { WarmThreads, programModule } from '#base'

/** The module of the worker thread, beside this one, in source and in built form. */
export function threadModule(): URL {
  return programModule('repository/threads/thread')
}

/**
 * Starts threads for a writer before there is a repository: they load while the key is derived. `preload` are modules that
 * they will need.
 */
export function warmThreads(threads: number, preload: readonly URL[] = []): WarmThreads {
  return new WarmThreads(threadModule(), threads, preload)
}
