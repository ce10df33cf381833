import { hasCode } from '#base'
import type { Cancellable } from '#base'
import type { Questions } from './ask.ts'
import { openApi, readJson } from './connection.ts'
import type { Call, OpenAnswer } from './connection.ts'
import type { ServerAccess } from './find-server.ts'
import { signIn } from './sign-in.ts'
import type { Session } from './sign-in.ts'

/**
 * Calls by a token. Where the server wants a fresh proof of who it is (backups are removed, secrets shown), that is asked for,
 * once, and the call made again; disposed of, that session is ended.
 */
export class ProvenCalls implements AsyncDisposable {
  readonly #server: ServerAccess
  readonly #questions: Questions
  readonly #options: Cancellable
  #session: Session | undefined

  constructor(server: ServerAccess, questions: Questions, options: Cancellable) {
    this.#server = server
    this.#questions = questions
    this.#options = options
  }

  /** Throws as `open`, and `ANSWER_INVALID`. */
  async call(call: Call): Promise<unknown> {
    return await readJson(this.#server, await this.open(call), this.#options)
  }

  /** Throws what a call throws, `SIGN_IN_REFUSED`, and `PROOF_NEEDED` where nobody answers. */
  async open(call: Call): Promise<OpenAnswer> {
    try {
      const headers = { authorization: `Bearer ${this.#server.token}` }
      return await openApi(this.#server, { ...call, headers }, this.#options)
    } catch (thrown) {
      if (!hasCode(thrown, 'PROOF_NEEDED')) throw thrown
      this.#session ??= await this.#signIn(thrown)
      return await openApi(this.#server, { ...call, headers: this.#session.headers }, this.#options)
    }
  }

  async #signIn(refusal: unknown): Promise<Session> {
    try {
      return await signIn(this.#server, this.#questions, { email: this.#server.email, ...this.#options })
    } catch (thrown) {
      throw hasCode(thrown, 'INPUT_ENDED') ? refusal : thrown
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session?.[Symbol.asyncDispose]()
  }
}
