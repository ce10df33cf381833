import type { Services } from '../app/services.ts'

/** What a link carries by which somebody who has an account sets the password anew. */
export interface Reset {
  readonly personId: string
  readonly email: string
  /** Whether second factor and passkeys go, too. */
  readonly secondFactor: boolean
  /** Who made it. */
  readonly by: string
}

/**
 * Gives an account another password, and takes from it all that opens it now: sessions and tokens, and, where the link says
 * so, second factor and passkeys.
 */
export async function renewPerson(
  { store, signIn, clock }: Services,
  { personId, secondFactor }: Reset,
  { name, password }: { readonly name: string; readonly password: string },
): Promise<void> {
  const { db } = store
  const at = clock.now()
  // First of all: whoever has the link may be somebody else, and must not count as somebody who is known for long.
  await db
    .insertInto('renewedPeople')
    .values({ personId, at })
    .onConflict((conflict) => conflict.column('personId').doUpdateSet({ at }))
    .execute()
  await db.deleteFrom('apiTokens').where('personId', '=', personId).execute()
  if (secondFactor) {
    await db.deleteFrom('passkeys').where('userId', '=', personId).execute()
    await signIn.secondFactors.remove(personId)
  }
  await db.updateTable('people').set({ name }).where('id', '=', personId).execute()
  await signIn.setPassword(personId, password)
}
