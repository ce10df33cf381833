import { errorClass } from '#base'

/** What keeps a script for a machine without our agent from being made. */
export const scriptErrors = {
  SCRIPT_INVALID: {
    message: 'The script for {machine} cannot be made: {reason}.',
    hint: 'Correct what is named in the policy or the description of the machine, and make the script again.',
  },
} as const

export class ScriptError extends errorClass('ScriptError', scriptErrors) {}
