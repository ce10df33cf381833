import { messageOf } from '#base'

/** What the log of a SQLite file does to the disk. A parameter, so that tests decide when it is done and whether it fails. */
export interface LogFile {
  /** Makes what has been written to the log durable. */
  sync(): Promise<void>
  /** Moves what is in the log to the database itself, durably, and empties it. */
  empty(): Promise<void>
  close(): Promise<void>
}

/**
 * Group commit for SQLite: its commits only write to the log, and whoever is to be answered waits until the log is durable.
 * One sync, which runs while others go on, is for all commits that came before it; SQLite's own would hold up the whole
 * program for each.
 */
export class WriteAheadLog {
  readonly #file: LogFile
  /** Times that something was committed; and how many of those are known to be durable. */
  #written = 0
  #synced = 0
  #running: Promise<void> | undefined
  /** After a sync that failed, the kernel may have dropped what it could not write, and says so only once. */
  #isDoubtful = false

  constructor(file: LogFile) {
    this.#file = file
  }

  /** Something was committed. */
  wrote(): void {
    this.#written++
  }

  /**
   * Resolves when all that is committed now survives a power cut. For readers, too: what they saw may be of a commit that its
   * writer has not been told of. Rejects when it may not be durable.
   */
  async durable(): Promise<void> {
    const until = this.#written
    while (this.#synced < until) {
      this.#running ??= this.#sync().finally(() => (this.#running = undefined))
      await this.#running
    }
  }

  async close(): Promise<void> {
    await this.#running?.catch(() => undefined)
    await this.#file.close()
  }

  async #sync(): Promise<void> {
    const until = this.#written
    try {
      await (this.#isDoubtful ? this.#file.empty() : this.#file.sync())
      this.#isDoubtful = false
      this.#synced = until
    } catch (thrown) {
      this.#isDoubtful = true
      throw syncFailed(thrown)
    }
  }
}

/** SQLITE_IOERR_FSYNC, as SQLite itself would say it: https://www.sqlite.org/rescode.html */
const ioErrorFsync = 1034

function syncFailed(cause: unknown): Error {
  const error = new Error(`the database could not be synced: ${messageOf(cause)}`, { cause })
  return Object.assign(error, { errcode: ioErrorFsync })
}
