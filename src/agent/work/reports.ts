import { z } from 'zod'
import type { Cancellable } from '#base'
import { AgentError } from '../errors.ts'
import type { Machine, ServerLink } from '../link/server-link.ts'
import type { AgentFolder, Pending } from '../state.ts'

/** The most that is kept for a server that is away: about three months of a backup every two hours, with its signature. */
const mostPending = 2_000

/**
 * What the machine tells its server, none of it lost: a word that cannot be said now is kept on the disk and said later, in
 * its order. Every one of them may be heard twice without harm.
 */
export class Reports {
  readonly #folder: AgentFolder
  readonly #link: ServerLink
  readonly #machine: Machine
  #last: Promise<unknown> = Promise.resolve()

  constructor(folder: AgentFolder, link: ServerLink, machine: Machine) {
    this.#folder = folder
    this.#link = link
    this.#machine = machine
  }

  /** Says something that must be heard some time. */
  async say(word: Pending, options: Cancellable = {}): Promise<void> {
    await this.#inTurn(async () => {
      const pending = [...(await this.#folder.readPending()), word].slice(-mostPending)
      await this.#folder.writePending(pending)
    })
    await this.deliver(options).catch((thrown: unknown) => {
      if (!(thrown instanceof AgentError)) throw thrown
    })
  }

  /**
   * Says what has not been heard yet. What the server refuses for good is not said again.
   * Throws `SERVER_UNREACHABLE`, and `SERVER_REFUSED` when it does not know this machine: a server that was restored from a
   * copy may not know it yet, and may learn of it again.
   */
  async deliver({ signal }: Cancellable = {}): Promise<void> {
    await this.#inTurn(async () => {
      for (;;) {
        const [next, ...others] = await this.#folder.readPending()
        if (!next) return
        const call = this.#link.post(next.path, next.body, { answer: z.unknown(), machine: this.#machine, signal })
        await call.catch((thrown: unknown) => {
          if (!isRefusedForGood(thrown)) throw thrown
        })
        await this.#folder.writePending(others)
      }
    })
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(work)
    this.#last = mine.catch(() => undefined)
    return await mine
  }
}

/** For what it says, not for who says it. */
function isRefusedForGood(thrown: unknown): boolean {
  if (!(thrown instanceof AgentError) || thrown.code !== 'SERVER_REFUSED') return false
  return thrown.details['status'] === 400 || thrown.details['status'] === 404
}
