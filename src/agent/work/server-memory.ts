import { AgentError } from '../errors.ts'
import type { ServerLink } from '../link/server-link.ts'
import type { AgentFolder, KnownServerState } from '../state.ts'

/** The only call that is made to a server that is not followed: by it that one learns that it is an old one. */
export const helloPath = '/api/machine/hello'

/**
 * What the machine remembers of its server: the highest epoch that it has seen, and a receipt that it gives back. A server that
 * was brought back from a backup goes on with a higher epoch; the one before it, when it still runs or comes back, is heard no more.
 */
export class ServerMemory {
  readonly #folder: AgentFolder
  readonly #link: ServerLink
  readonly #say: (sentence: string) => void
  #known: KnownServerState | undefined
  #isTold = false

  constructor(folder: AgentFolder, link: ServerLink, say: (sentence: string) => void) {
    this.#folder = folder
    this.#link = link
    this.#say = say
  }

  async open(): Promise<void> {
    this.#known = await this.#folder.readKnownServer()
  }

  get receipt(): string | undefined {
    return this.#known?.receipt
  }

  /** Takes in how the server stands. Throws `SERVER_SUPERSEDED`; nothing else is said to it then. */
  async hear({ epoch = 1, receipt }: { readonly epoch?: number | undefined; readonly receipt?: string | undefined }) {
    const seen = this.#known?.epoch ?? 0
    if (epoch < seen) {
      const { origin } = this.#link.server
      const error = new AgentError('SERVER_SUPERSEDED', { origin, epoch, seen })
      this.#link.onlyCall = { path: helloPath, error }
      if (!this.#isTold) this.#say(error.message)
      this.#isTold = true
      throw error
    }
    this.#link.onlyCall = undefined
    this.#isTold = false
    if (receipt === undefined || (epoch === seen && receipt === this.#known?.receipt)) return
    this.#known = { epoch, receipt }
    await this.#folder.writeKnownServer(this.#known)
  }
}
