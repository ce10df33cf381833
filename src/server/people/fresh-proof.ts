import type { Caller } from '../app/caller.ts'
import type { Services } from '../app/services.ts'
import { confirmPassword } from './confirm-password.ts'
import type { TypedPassword } from './confirm-password.ts'
import { PeopleError } from './errors.ts'
import { isFresh, proofMinutes } from './proof-age.ts'

/**
 * Makes sure that it is the person, and not somebody at an open screen or with a session that was stolen: who has signed in
 * within the last minutes has shown everything that sign-in asks for. A token needs the scope for it. Whoever works as the
 * server's own user reads its key and writes its database: to ask for a password there would only look safe.
 * Throws `PROOF_NEEDED`.
 */
export function requireFreshProof({ clock }: Services, { signedInAt, mayDestroy, isLocal }: Caller): void {
  if (isLocal === true || mayDestroy === true) return
  if (signedInAt !== undefined && isFresh(signedInAt, clock.now())) return
  throw new PeopleError('PROOF_NEEDED', { minutes: proofMinutes })
}

/** The same by what is given with the call. Throws `OWN_PASSWORD_WRONG`, `SECOND_FACTOR_CODE_WRONG`, and that too many were wrong. */
export async function confirmPerson(
  services: Services,
  caller: Caller,
  { code, ...typed }: TypedPassword & { readonly code: string | undefined },
): Promise<void> {
  await confirmPassword(services, caller, typed)
  await services.signIn.secondFactors.check(caller.personId, code)
}
