import { errorClass } from '#base'

/** Why a hook was not run, or did not do what it was for. */
export const hookErrors = {
  HOOK_NAME_INVALID: {
    message: '"{name}" is no name of a hook.',
    hint: 'A name has letters, digits, dots, dashes and underscores, and begins with a letter or a digit.',
  },
  HOOK_NOT_FOUND: {
    message: 'There is no hook {name} in {folder} on this machine.',
    hint: 'Put the program there, owned by root and executable. Hooks never come from the server.',
  },
  HOOK_UNSAFE: {
    message: '"{path}" is not run as a hook: {reason}.',
    hint: 'Hooks run with the rights of the agent: hook, folder and all folders above it must be changeable by root only (chown root, chmod go-w).',
  },
  HOOK_NOT_STARTED: {
    message: 'The hook {name} could not be started: {reason}.',
    hint: 'It has to be executable (chmod 755), and a script needs a first line like #!/bin/sh.',
  },
  HOOK_FAILED: {
    message: 'The hook {name} ended with {how}: {reason}.',
    hint: 'Run it by hand as the user of the agent.',
  },
  HOOK_TOO_LONG: {
    message: 'The hook {name} ran for longer than {seconds} s and was ended.',
    hint: 'See what it waits for, or give it more time in the backup policy.',
  },
} as const

export class HookError extends errorClass('HookError', hookErrors) {}
