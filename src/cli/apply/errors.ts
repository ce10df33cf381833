import { errorClass } from '#base'

/** What can go wrong when the server is made as a file declares it. */
export const applyErrors = {
  APPLY_FILE_INVALID: {
    message: '{path} does not say what it must: {reason}.',
    hint: 'Nothing was changed. docs/apply.md says what may stand there.',
  },
  APPLY_NOT_CONFIRMED: {
    message: 'Nothing was changed: nobody said yes.',
    hint: 'On a terminal, answer yes; in a script, give --yes.',
  },
  APPLY_DIFFERS: {
    message: 'The server is not as the file says; changes: {count}.',
    hint: 'Nothing was changed; without --dry-run they are made.',
    exitCode: 2,
  },
  APPLY_STOPPED: {
    message: 'Change {number} of {count} failed: {reason} ({serverCode}); before it, {done} were made and stay.',
    hint: '{advice} Then run the command again: it goes on from there.',
  },
} as const

export class ApplyError extends errorClass('ApplyError', applyErrors) {}
