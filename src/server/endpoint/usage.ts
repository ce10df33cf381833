import { type Clock, formatBytes } from '#base'
import { EndpointError } from './errors.ts'

export interface UsageOptions {
  /** Bytes that a repository has in the storage now. */
  readonly count: (repository: string) => Promise<number>
  readonly clock: Clock
  /** Milliseconds after which the storage is counted anew: others (a prune, another node) write there, too. */
  readonly recountAfter: number
}

/** Room for an upload. What was not stored is given back when it is disposed of. */
export interface Reservation extends Disposable {
  /** Takes room for more bytes; throws `ENDPOINT_QUOTA_REACHED` when there is none. */
  grow(bytes: number): void
  /** The upload is stored: its bytes are used from now on. */
  commit(): void
}

/** Bytes of one repository. */
interface Account {
  used: number
  /** Of uploads under way. */
  reserved: number
  /** Stored and deleted while the count runs, which may or may not see it. */
  meanwhile: number
  /** By the monotonic clock; undefined: not counted yet, or no longer true. */
  countedAt: number | undefined
  counting: Promise<void> | undefined
  /** How often it was forgotten: a count that runs then is not the last. */
  forgotten: number
}

/**
 * What each repository uses, for its quota: counted in the storage at the first question, then kept up. Room is taken
 * before bytes arrive, so that uploads side by side cannot exceed together what each alone would not. Every node of the
 * server counts for itself and sees what another node stored when it counts anew.
 */
export class Usage {
  readonly #options: UsageOptions
  readonly #accounts = new Map<string, Account>()

  constructor(options: UsageOptions) {
    this.#options = options
  }

  /** `allowed`: most bytes that the repository may have; not bounded when undefined. */
  async reserve(repository: string, allowed: number | undefined): Promise<Reservation> {
    const account = this.#account(repository)
    if (allowed !== undefined) await this.#bringUpToDate(repository, account)
    return reservationIn(account, allowed)
  }

  /** A file has gone. */
  release(repository: string, bytes: number): void {
    store(this.#account(repository), -bytes)
  }

  /** Whoever has changed the storage past the endpoint (a prune) has it counted anew, before the next upload. */
  forget(repository: string): void {
    const account = this.#account(repository)
    account.countedAt = undefined
    account.forgotten++
  }

  #account(repository: string): Account {
    const known = this.#accounts.get(repository)
    if (known) return known
    const account = { used: 0, reserved: 0, meanwhile: 0, countedAt: undefined, counting: undefined, forgotten: 0 }
    this.#accounts.set(repository, account)
    return account
  }

  async #bringUpToDate(repository: string, account: Account): Promise<void> {
    const { clock, recountAfter } = this.#options
    const { countedAt } = account
    if (countedAt !== undefined && clock.monotonic() - countedAt < recountAfter) return
    account.counting ??= this.#count(repository, account).finally(() => (account.counting = undefined))
    await account.counting
  }

  async #count(repository: string, account: Account): Promise<void> {
    const begun = this.#options.clock.monotonic()
    const { forgotten } = account
    account.meanwhile = 0
    const found = await this.#options.count(repository)
    account.used = found + Math.max(0, account.meanwhile)
    if (account.forgotten === forgotten) account.countedAt = begun
  }
}

function store(account: Account, bytes: number): void {
  account.used += bytes
  account.meanwhile += bytes
}

function reservationIn(account: Account, allowed: number | undefined): Reservation {
  let held = 0
  const giveBack = () => {
    account.reserved -= held
    held = 0
  }
  return {
    grow(bytes) {
      const taken = account.used + account.reserved
      if (allowed !== undefined && taken + bytes > allowed) throw quotaReached(taken, { allowed, bytes })
      account.reserved += bytes
      held += bytes
    },
    commit() {
      store(account, held)
      giveBack()
    },
    [Symbol.dispose]: giveBack,
  }
}

function quotaReached(used: number, { allowed, bytes }: { readonly allowed: number; readonly bytes: number }) {
  return new EndpointError('ENDPOINT_QUOTA_REACHED', {
    used: formatBytes(used),
    allowed: formatBytes(allowed),
    more: formatBytes(bytes),
    usedBytes: used,
    allowedBytes: allowed,
  })
}
