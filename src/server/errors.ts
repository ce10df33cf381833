import { errorClass } from '#base'

/** What can go wrong with the control server itself. */
export const serverErrors = {
  DATABASE_UNREACHABLE: {
    message: 'The control database at {location} cannot be opened: {reason}.',
    hint: 'See that it runs, that the address, name and password are right, and that this machine may connect.',
  },
  DATABASE_NEWER: {
    message: 'The control database was written by a newer version of Understudy: it has the step "{step}".',
    hint: 'Use that version again, or take the schema back with it first: `understudy server schema --to STEP`.',
  },
  SCHEMA_STEP_FAILED: {
    message: 'The step "{step}" of the control database’s schema failed: {reason}.',
    hint: 'Nothing of it was kept. The copy made before is {copy}.',
  },
  SCHEMA_STEP_UNKNOWN: {
    message: 'There is no step "{step}" of the schema.',
    hint: 'The steps are: {steps}.',
  },
  SEALING_KEY_MISSING: {
    message: 'The key that opens the server’s secrets is not at {path}.',
    hint: 'Bring it back from the recovery kit or a copy. Without it the secrets in the database cannot be read.',
  },
  SEALING_KEY_INVALID: {
    message: 'The file {path} is not a sealing key that only its owner may read: {reason}.',
    hint: 'It holds 64 hexadecimal digits and has mode 0600.',
  },
  SECRET_DAMAGED: {
    message: 'A sealed value ({purpose}) cannot be opened.',
    hint: 'It was sealed with another key, moved from another place, or changed. Restore the database and its key from one time.',
  },
} as const

export class ServerError extends errorClass('ServerError', serverErrors) {}
