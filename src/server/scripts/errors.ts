import { errorClass } from '#base'

/** What keeps a script for a machine without our agent from being made. */
export const scriptErrors = {
  SCRIPT_INVALID: {
    message: 'The script for {machine} cannot be made: {reason}.',
    hint: 'Correct what is named in the policy or the description of the machine, and make the script again.',
  },
  SCRIPT_RUN_FAILED: {
    message: 'restic made no complete backup (exit code {exitCode}): {errors}',
    hint: 'Mend on the machine what is named, and start the script there once more.',
  },
  SCRIPT_RUN_INCOMPLETE: {
    message: 'The backup is there, but some files could not be read: {errors}',
    hint: 'Mend on the machine what is named, or exclude it in the script.',
  },
  SCRIPT_SNAPSHOT_UNKNOWN: {
    message: 'The machine reports the snapshot {id}, and the server never received it.',
    hint: 'Look on the machine whether its script was changed, or whether it backs up elsewhere.',
  },
  SCRIPT_NOT_REPORTED: {
    message: 'The snapshot arrived and its report did not: whether everything could be read is not known.',
    hint: 'Look into the log of the script on the machine.',
  },
} as const

export class ScriptError extends errorClass('ScriptError', scriptErrors) {}
