import { errorClass } from '#base'

/** Why a machine does not restore what it was told to. */
export const restoreErrors = {
  ALLOWED_RESTORES_UNSAFE: {
    message: 'The list of folders that may be restored into, {path}, is not believed: {reason}.',
    hint: 'It is a file of root that nobody else may write to: one absolute path a line.',
  },
  RESTORE_FOLDER_UNSAFE: {
    message: 'Nothing is restored into {path}: {reason}.',
    hint: 'A folder that others can exchange for another one could lead anywhere. Restore to a new folder instead.',
  },
  RESTORE_NOT_WAITING: {
    message: 'No restore with the id {operation} waits on this machine.',
    hint: 'See what waits with `understudy agent approve`.',
  },
  RESTORE_PASSWORD_NEEDED: {
    message: 'The repository that this restore reads has a password that the server does not have.',
    hint: 'Give it in a file: `understudy agent approve {operation} --repository-password FILE`.',
  },
} as const

export class RestoreError extends errorClass('RestoreError', restoreErrors) {}
