/** Folders for tests that are gone when the test is. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface TempFolder extends AsyncDisposable {
  readonly path: string
  /** A path inside. */
  join(...parts: string[]): string
}

/**
 * Makes an empty folder; disposing of it removes it with all that is in it.
 *
 * @example await using folder = await tempFolder()
 * @param on the folder to make it in, for tests that need a given file system (`/dev/shm` is a tmpfs)
 */
export async function tempFolder(on: string = tmpdir()): Promise<TempFolder> {
  const path = await mkdtemp(join(on, 'understudy-test-'))
  return {
    path,
    join: (...parts) => join(path, ...parts),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 3 }),
  }
}
