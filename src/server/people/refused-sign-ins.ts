import type { Services } from '../app/services.ts'

/** One entry for an account in so many milliseconds: who guesses must not be able to fill the audit log. */
const every = 10 * 60_000

/** Writes into the audit log that somebody was refused at a person's account; made-up accounts leave nothing. */
export class RefusedSignIns {
  readonly #services: Services
  /** By account, when it was last written. There are no more than people. */
  readonly #written = new Map<string, number>()

  constructor(services: Services) {
    this.#services = services
  }

  async note(email: string | undefined, address: string): Promise<void> {
    if (email === undefined) return
    const { store, audit, clock } = this.#services
    const last = this.#written.get(email)
    if (last !== undefined && clock.monotonic() - last < every) return
    const person = await store.db.selectFrom('people').select('id').where('email', '=', email).executeTakeFirst()
    if (!person) return
    this.#written.set(email, clock.monotonic())
    const actor = { who: 'unknown', fromWhere: address }
    await audit.write({ actor, what: 'person.sign-in.refused', details: { personId: person.id } })
  }
}
