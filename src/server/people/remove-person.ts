import type { Caller } from '../app/caller.ts'
import type { Services } from '../app/services.ts'
import { ServerError } from '../errors.ts'
import { noteEvents } from '../events/note-events.ts'
import { requireOwnerLeft } from './grants.ts'
import { endResets } from './reset-links.ts'

export interface AlertReader {
  readonly id: string
  readonly name: string
}

/**
 * Removes a person: sessions, tokens, roles, passkeys and second factor go with the row, so that the next call is nobody's.
 * Alerts are set up apart from accounts: returns who still hears of them at the person's address.
 * Throws `NOT_FOUND`, `STATE_WRONG` for the last owner.
 */
export async function removePerson(services: Services, id: string, { actor }: Caller): Promise<readonly AlertReader[]> {
  const { store, audit, clock, alerting } = services
  const email = await store.db.transaction().execute(async (transaction) => {
    const person = await transaction
      .selectFrom('people')
      .select(['email', 'name'])
      .where('id', '=', id)
      .executeTakeFirst()
    if (!person) throw new ServerError('NOT_FOUND', { what: 'person' })
    await audit.write({ actor, what: 'person.remove', details: { id, ...person } }, transaction)
    await endResets(transaction, id)
    await transaction.deleteFrom('people').where('id', '=', id).execute()
    await requireOwnerLeft(transaction)
    await noteEvents(transaction, [{ kind: 'person', subject: id, clientId: null }], clock)
    return person.email
  })
  const { people } = await alerting.settings.load()
  const isTheirs = ({ address }: { readonly address?: string | undefined }) => address?.toLowerCase() === email
  return people.filter(({ ways }) => ways.some(isTheirs)).map(({ id: reader, name }) => ({ id: reader, name }))
}
