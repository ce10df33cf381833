import { errorClass } from '#base'

/** What can go wrong with people and how they show who they are. */
export const peopleErrors = {
  PROOF_NEEDED: {
    message:
      'This needs a fresh proof that it is you: sign in with password and second factor, within the last {minutes} minutes.',
    hint: 'Sign in again and repeat it; commands ask for it themselves. An API token does it only with the scope "destroy".',
  },
  SECOND_FACTOR_NEEDED: {
    message: 'You need a second factor here: an owner demands it, and you have none.',
    hint: 'Set it up: `understudy account set-up-second-factor`. Until then you may do nothing else.',
  },
  SECOND_FACTOR_CODE_WRONG: {
    message: 'That is no code of your second factor.',
    hint: 'Type the six digits that your authenticator app shows now, or a recovery code that was not used yet.',
  },
  SECOND_FACTOR_LOCKED: {
    message: 'Too many wrong codes were given for this account.',
    hint: 'Wait {seconds} seconds.',
  },
  PASSKEY_NOT_VERIFIED: {
    message: 'This passkey did not make sure who uses it.',
    hint: 'Set a PIN or a finger print on it, and try again: alone it has to stand for password and second factor.',
  },
  PASSKEY_REFUSED: {
    message: 'The passkey was not taken: what the browser sent is not what it was asked for.',
    hint: 'Try again from the start, in one browser, at the address of the server itself.',
  },
  PASSKEYS_NOT_HERE: {
    message: 'Passkeys do not work at {origin}: they belong to a domain name with a certificate that browsers trust.',
    hint: 'Reach the server by a name, with --origin and --tls-certificate, or use password and second factor.',
  },
} as const

export class PeopleError extends errorClass('PeopleError', peopleErrors) {}
