import { systemClock } from '#base'
import type { Clock } from '#base'
import { roleSchema } from '#protocol'
import type { Role } from '#protocol'
import type { Kysely } from 'kysely'
import type { Caller, Grants } from '../app/caller.ts'
import { ServerError } from '../errors.ts'
import type { Tables } from '../store/tables.ts'

/** Streams that one person may have open at once. */
const mostOfOne = 32
/** Bound by how many parameters a statement may have. */
const atOnce = 500

/** A stream that is open, as long as who reads it may. */
export interface Admission extends Disposable {
  /** As they are now: roles are given and taken while somebody watches. */
  readonly grants: Grants
  /** Aborts when the session or token that was shown holds no longer. */
  readonly signal: AbortSignal
}

interface Admitted {
  readonly caller: Caller
  readonly ending: AbortController
  grants: Grants
}

export interface AdmissionsOptions {
  /** Milliseconds between two looks whether everybody may still read. */
  readonly rhythm?: number
  readonly waiting?: Clock
}

/** Who has a stream open: looked after together, so that a thousand of them cost a few queries every few seconds. */
export class Admissions {
  readonly #db: Kysely<Tables>
  readonly #clock: Clock
  readonly #options: Required<AdmissionsOptions>
  readonly #admitted = new Set<Admitted>()
  #isLooking = false
  #closing = new AbortController()

  /** `clock`: by which tokens expire. */
  constructor(db: Kysely<Tables>, clock: Clock, options: AdmissionsOptions = {}) {
    this.#db = db
    this.#clock = clock
    this.#options = { rhythm: 5_000, waiting: systemClock, ...options }
  }

  /** Throws `TOO_MANY_STREAMS`. */
  admit(caller: Caller): Admission {
    const own = [...this.#admitted].filter(({ caller: other }) => other.personId === caller.personId)
    if (own.length >= mostOfOne) throw new ServerError('TOO_MANY_STREAMS', { most: mostOfOne })
    const admitted: Admitted = { caller, grants: caller.grants, ending: new AbortController() }
    this.#admitted.add(admitted)
    if (!this.#isLooking) void this.#keepLooking()
    return {
      get grants() {
        return admitted.grants
      },
      signal: admitted.ending.signal,
      [Symbol.dispose]: () => {
        this.#admitted.delete(admitted)
        if (this.#admitted.size > 0) return
        this.#closing.abort()
        this.#closing = new AbortController()
      },
    }
  }

  async #keepLooking(): Promise<void> {
    const { rhythm, waiting } = this.#options
    this.#isLooking = true
    while (this.#admitted.size > 0) {
      await waiting.sleep(rhythm, { signal: this.#closing.signal }).catch(() => undefined)
      // A database that is away tells of no events either: there is nothing to be kept from anybody.
      await this.#look().catch(() => undefined)
    }
    this.#isLooking = false
  }

  async #look(): Promise<void> {
    const all = [...this.#admitted]
    const proofs = all.flatMap(({ caller: { proof } }) => proof ?? [])
    const tokens = await this.#valid(
      'apiTokens',
      proofs.flatMap(({ kind, id }) => (kind === 'token' ? id : [])),
    )
    const sessions = await this.#valid(
      'sessions',
      proofs.flatMap(({ kind, id }) => (kind === 'session' ? id : [])),
    )
    const roles = await this.#rolesOf(all.map(({ caller }) => caller.personId))
    const now = this.#clock.now()
    for (const admitted of all) {
      const { proof, personId, grants } = admitted.caller
      if (!proof) continue
      const isThere = (proof.kind === 'token' ? tokens : sessions).has(proof.id)
      const isOver = proof.endsAt !== null && proof.endsAt <= now
      if (!isThere || isOver) admitted.ending.abort(new Error('it was taken back'))
      admitted.grants = { ...grants, roles: roles.get(personId) ?? new Map<string, Role>() }
    }
  }

  async #valid(table: 'apiTokens' | 'sessions', ids: readonly string[]): Promise<ReadonlySet<string>> {
    const found = new Set<string>()
    for (const some of inParts(ids)) {
      const rows = await this.#db.selectFrom(table).select('id').where('id', 'in', some).execute()
      for (const { id } of rows) found.add(id)
    }
    return found
  }

  async #rolesOf(people: readonly string[]): Promise<ReadonlyMap<string, ReadonlyMap<string, Role>>> {
    const found = new Map<string, Map<string, Role>>()
    for (const some of inParts(people)) {
      const rows = await this.#db.selectFrom('roleGrants').selectAll().where('personId', 'in', some).execute()
      for (const { personId, clientId, role } of rows) {
        const roles = found.get(personId) ?? new Map<string, Role>()
        found.set(personId, roles.set(clientId, roleSchema.parse(role)))
      }
    }
    return found
  }
}

function inParts(ids: readonly string[]): string[][] {
  const unique = [...new Set(ids)]
  return Array.from({ length: Math.ceil(unique.length / atOnce) }, (_, part) =>
    unique.slice(part * atOnce, (part + 1) * atOnce),
  )
}
