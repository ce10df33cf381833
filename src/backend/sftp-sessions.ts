import { type Clock, hasCode } from '#base'
import { untilAborted } from './abort.ts'
import { BackendError } from './errors.ts'
import { MalformedPacket } from './sftp-packets.ts'
import { SftpBroken, SftpClient } from './sftp-client.ts'
import type { SftpAddress } from './sftp-command.ts'
import { sshError } from './ssh-errors.ts'
import { canAsk, SshProcess, type Words } from './ssh-process.ts'

export interface SessionsOptions {
  readonly location: string
  /** For messages. */
  readonly address: SftpAddress
  /** What to start. `silent`: it must not ask anybody anything. */
  readonly command: (options: { readonly silent: boolean }) => Words
  /** Connections at once, at most. */
  readonly most: number
  /** Seconds within which a connection must stand, when nobody is asked anything. */
  readonly connectSeconds: number
  readonly clock: Clock
}

/** A connection with so many calls gets company, if it may. */
const busyFrom = 2
/** Milliseconds without a call after which we show that we are there: servers and routers drop the silent. */
const pingEvery = 45_000
const pingPatience = 60_000
/** Milliseconds that a program has to end by itself when the conversation with it has ended. */
const lastWordsPatience = 500

/** A connection: the program and the conversation with it. */
class Session {
  readonly client: SftpClient
  readonly process: SshProcess
  /** Calls that use it, those that were aborted and still tidy up included. */
  calls = 0
  readonly #timer: NodeJS.Timeout
  #ping: NodeJS.Timeout | undefined

  constructor(process: SshProcess, client: SftpClient) {
    this.process = process
    this.client = client
    this.#timer = setInterval(() => this.#showThatWeAreHere(), pingEvery).unref()
    void process.ended.then(() => this.#stop())
  }

  async close(): Promise<void> {
    this.#stop()
    await this.process.end()
  }

  #stop(): void {
    clearInterval(this.#timer)
    clearTimeout(this.#ping)
  }

  /** Only when nothing else is under way: a call is watched by others. */
  #showThatWeAreHere(): void {
    if (this.client.isBusy || this.calls > 0) return
    this.#ping = setTimeout(() => this.process.kill(), pingPatience).unref()
    const answered = () => clearTimeout(this.#ping)
    this.client.ping().then(answered, answered) // a refusal is an answer, too
  }
}

/**
 * The connections to one server. They are made when they are needed: the first may ask for a password or a passphrase on the
 * terminal, all others, and the first again after it broke, must come in without.
 */
export class Sessions {
  readonly #options: SessionsOptions
  readonly #sessions = new Set<Session>()
  readonly #starting = new Set<SshProcess>()
  #opening: Promise<Session> | undefined
  #openingMore: Promise<void> | undefined
  #hasConnected = false
  #hadAsked = false
  #mayHaveMore = true
  #isClosed = false

  constructor(options: SessionsOptions) {
    this.#options = options
  }

  /** Process ids of the connections that stand, for tests. */
  get pids(): number[] {
    return [...this.#sessions].flatMap(({ process }) => process.pid ?? [])
  }

  /** Runs `work` on a connection. When the connection breaks, the error says why, and the next call gets a new one. */
  async use<T>(signal: AbortSignal | undefined, work: (client: SftpClient) => Promise<T>): Promise<T> {
    signal?.throwIfAborted()
    const session = await untilAborted(this.#choose(), signal)
    session.calls++
    const running = work(session.client).finally(() => session.calls--)
    try {
      return await untilAborted(running, signal)
    } catch (thrown) {
      // It made no progress for minutes: nothing that is asked on it will be answered.
      if (hasCode(thrown, 'STORAGE_STALLED')) session.process.kill()
      if (!(thrown instanceof SftpBroken) && !(thrown instanceof MalformedPacket)) throw thrown
      throw await this.#endOf(session.process, thrown)
    }
  }

  /** What was asked is still done; then the programs end. */
  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.all([...this.#starting].map((process) => process.stop()))
    await this.#opening?.catch(() => undefined)
    await this.#openingMore
    await Promise.all([...this.#sessions].map((session) => session.close()))
  }

  async #choose(): Promise<Session> {
    const idlest = [...this.#sessions]
      .filter(({ client }) => !client.isBroken)
      .reduce<Session | undefined>((best, next) => (best && best.calls <= next.calls ? best : next), undefined)
    if (!idlest) return this.#openFirst()
    if (idlest.calls >= busyFrom && this.#sessions.size < this.#options.most && this.#mayHaveMore) this.#openMore()
    return idlest
  }

  #openFirst(): Promise<Session> {
    this.#opening ??= this.#open({ silent: this.#hasConnected || !canAsk() }).finally(() => {
      this.#opening = undefined
    })
    return this.#opening
  }

  /** Beside the calls. A server that lets in no more connections, or not without a question, has said so once. */
  #openMore(): void {
    this.#openingMore ??= this.#open({ silent: true })
      .then(
        () => undefined,
        () => {
          this.#mayHaveMore = false
        },
      )
      .finally(() => {
        this.#openingMore = undefined
      })
  }

  async #open({ silent }: { readonly silent: boolean }): Promise<Session> {
    const { location, command, connectSeconds } = this.#options
    if (this.#isClosed) throw new BackendError('STORAGE_FAILED', { location, reason: 'it was closed' })
    const process = new SshProcess(command({ silent }), { location })
    this.#starting.add(process)
    let isLate = false
    const giveUp = () => {
      isLate = true
      process.kill()
    }
    const timer = silent ? setTimeout(giveUp, connectSeconds * 1000) : undefined
    try {
      const client = await this.#greet(process)
      return this.#admit(new Session(process, client), { silent })
    } catch (thrown) {
      const error = await this.#endOf(process, thrown)
      if (isLate)
        throw new BackendError('STORAGE_UNREACHABLE', { location, reason: 'no answer in time', transient: true })
      throw error
    } finally {
      clearTimeout(timer)
      this.#starting.delete(process)
    }
  }

  async #greet(process: SshProcess): Promise<SftpClient> {
    const starting = SftpClient.start(process.output, process.input, this.#options.clock)
    const ending = process.ended.then(() => {
      throw new SftpBroken('the connection ended')
    })
    ending.catch(() => undefined)
    return Promise.race([starting, ending])
  }

  #admit(session: Session, { silent }: { readonly silent: boolean }): Session {
    this.#hasConnected = true
    this.#hadAsked ||= !silent
    this.#sessions.add(session)
    void session.process.ended.then(() => this.#forget(session))
    return session
  }

  #forget(session: Session): void {
    this.#sessions.delete(session)
    session.client.break(new SftpBroken('the connection broke'))
  }

  /** The program's own words come with its end, which follows soon when the connection broke. */
  async #endOf(process: SshProcess, thrown: unknown): Promise<unknown> {
    if (!(await process.endsWithin(lastWordsPatience))) process.kill()
    const code = await process.ended
    if (!(thrown instanceof SftpBroken) && !(thrown instanceof MalformedPacket)) return thrown
    const { location, address } = this.#options
    const isForeign = thrown instanceof SftpBroken && thrown.isForeign
    const { rawWords, words, program } = process
    return sshError({
      location,
      address,
      program,
      code,
      rawWords,
      words,
      reason: thrown.message,
      hadAsked: this.#hadAsked,
      isForeign,
    })
  }
}
