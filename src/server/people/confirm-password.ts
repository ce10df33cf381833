import type { Caller } from '../app/caller.ts'
import type { Services } from '../app/services.ts'
import { ServerError } from '../errors.ts'

export interface TypedPassword {
  readonly password: string
  /** From where it came. */
  readonly address: string
}

/**
 * Makes sure that whoever asks is the person and not only somebody at an open screen or with a token. Guessing is slowed down as it
 * is where people sign in. Throws `OWN_PASSWORD_WRONG`, `TOO_MANY_REQUESTS`.
 */
export async function confirmPassword(
  { signIn, guesses }: Services,
  { personId }: Caller,
  { password, address }: TypedPassword,
): Promise<void> {
  const attempt = { address, account: accountOf(personId) }
  const isPassword = async () => await signIn.isPasswordOf(personId, password)
  if (!(await guesses.attempt(attempt, isPassword, { right: Boolean }))) throw new ServerError('OWN_PASSWORD_WRONG')
}

/** Under which wrong passwords of somebody who is known are counted. */
export function accountOf(personId: string): string {
  return `person:${personId}`
}
