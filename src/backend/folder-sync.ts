import { hasCode } from '#base'
import type { LocalFiles } from './local-files.ts'

/** What file systems answer that cannot sync a folder (or a file) and need not: network shares, FUSE. */
export function isSyncUnsupported(thrown: unknown): boolean {
  return (
    hasCode(thrown, 'ENOTSUP') || hasCode(thrown, 'EOPNOTSUPP') || hasCode(thrown, 'EINVAL') || isExfatOnMac(thrown)
  )
}

function isExfatOnMac(thrown: unknown): boolean {
  return process.platform === 'darwin' && hasCode(thrown, 'ENOTTY')
}

interface Round {
  readonly done: Promise<void>
  readonly waiting?: Promise<void>
}

/**
 * Makes names in folders durable. Calls for one folder that come while a sync of it runs share the next one: the one
 * that runs may have begun before their names were there.
 */
export class FolderSync {
  readonly #syncFolder: (folder: string) => Promise<void>
  readonly #rounds = new Map<string, Round>()

  constructor(syncFolder: (folder: string) => Promise<void>) {
    this.#syncFolder = syncFolder
  }

  /** Resolves when every name that is in the folder now survives a power cut. */
  sync(folder: string): Promise<void> {
    const round = this.#rounds.get(folder)
    if (!round) return this.#start(folder)
    if (round.waiting) return round.waiting
    const waiting = round.done.catch(() => undefined).then(() => this.#start(folder))
    this.#rounds.set(folder, { done: round.done, waiting })
    return waiting
  }

  #start(folder: string): Promise<void> {
    const done = this.#syncFolder(folder).finally(() => {
      if (this.#rounds.get(folder)?.done === done && !this.#rounds.get(folder)?.waiting) this.#rounds.delete(folder)
    })
    this.#rounds.set(folder, { done })
    return done
  }
}

/** The way of a local disk. */
export async function syncLocalFolder(files: LocalFiles, folder: string): Promise<void> {
  if (process.platform === 'win32') return // Windows has no such call; NTFS journals names itself
  const handle = await files.open(folder, 'r')
  try {
    await handle.sync()
  } catch (thrown) {
    if (!isSyncUnsupported(thrown)) throw thrown
  } finally {
    await handle.close()
  }
}
