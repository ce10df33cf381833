import { errorClass } from '#base'

/** What can be wrong with a command line, and how a command may end besides well. */
export const cliErrors = {
  USAGE: {
    message: '{reason}.',
    hint: 'See `understudy {command} --help`.',
  },
  LOCATION_MISSING: {
    message: 'No repository was named.',
    hint: 'Give its location with --repo, or in UNDERSTUDY_REPOSITORY.',
  },
  FLAG_FILE_NOT_READ: {
    message: 'The file {path}, named by {flag}, cannot be read: {reason}.',
    hint: 'Check the path and the rights of this user.',
  },
  OBJECT_NOT_FOUND: {
    message: 'There is no {type} whose id begins with "{start}".',
    hint: 'List the ids with `understudy list {plural}`.',
  },
  OBJECT_AMBIGUOUS: {
    message: 'More than one {type} begins with "{start}".',
    hint: 'Give more digits of its id.',
  },
  LS_NOT_FOUND: {
    message: 'The snapshot has no "{path}".',
    hint: 'List the folder above it, or look in all snapshots with `understudy find`.',
  },
  PASSWORD_MISSING: {
    message: 'No password was given.',
    hint: 'Use --password-file, --password-command or UNDERSTUDY_PASSWORD; for a repository without a password, --insecure-no-password.',
  },
  SOURCE_PASSWORD_MISSING: {
    message: 'No password of the repository to copy from was given.',
    hint: 'Use --from-password-file, --from-password-command or UNDERSTUDY_FROM_PASSWORD; if it has no password, --from-insecure-no-password.',
  },
  NEW_PASSWORD_MISSING: {
    message: 'No new password was given.',
    hint: 'Use --new-password-file with a file that is not empty; for a key without a password, --new-insecure-no-password.',
  },
  PASSWORD_COMMAND_FAILED: {
    message: 'The command that gives the password failed: {reason}.',
    hint: 'Run the command of --password-command by itself to see what is wrong.',
  },
  PASSWORDS_DIFFER: {
    message: 'The two passwords are not the same.',
    hint: 'Nothing was changed; try again.',
  },
  INTERRUPTED: {
    message: 'Interrupted by {signal}.',
    hint: 'Nothing is lost: the next run uses what has been stored.',
    exitCode: 130,
  },
  OUTPUT_CLOSED: {
    message: 'Whoever read the output has gone.',
    hint: 'Nothing is wrong with the repository.',
    exitCode: 141,
  },
  SOURCE_INCOMPLETE: {
    message: 'At least one source file could not be read.',
    hint: 'The snapshot was made without what the lines above name.',
    exitCode: 3,
  },
  LIMIT_FILE_INVALID: {
    message: 'The limits in {path} cannot be read: {reason}.',
    hint: 'It holds JSON such as {"upload": 500}, in KiB a second; what is left out is not limited.',
  },
  DUMPS_NOT_LOADED: {
    message: 'Dumps of these databases could not be loaded: {databases}.',
    hint: 'The lines above say why. They are no backup of these databases: have new dumps made, and look at the older ones.',
  },
  RESTORE_INCOMPLETE: {
    message: 'Not everything was restored as it should be: {count} failures.',
    hint: 'Mend what the lines above say and run the restore again: it goes on from what is there.',
  },
  SNAPSHOTS_DAMAGED: {
    message: 'Snapshots that cannot be read: {count}.',
    hint: 'Run `understudy check` to see what that touches.',
  },
  DUMP_NOT_WRITTEN: {
    message: 'The dump could not be written to {path}: {reason}.',
    hint: 'If something is there now, it is not complete. Check the folder, its rights and its free space.',
  },
  PRINTING_FAILED: {
    message: 'Standard output could not be written: {reason}.',
    hint: 'What was printed is not complete: look for free space where it goes. The command itself did its work.',
  },
  TREES_UNREADABLE: {
    message: 'The result is not complete: {count} folders or blobs of the snapshots cannot be read.',
    hint: 'The lines above say which. Run `understudy check` to see what else is damaged.',
  },
  REPAIR_LEFT: {
    message: 'Packs that could not be mended by this: {count}.',
    hint: 'Nothing of them was changed. The lines above say which, and what to do.',
  },
  COPY_NOT_SAVED: {
    message: 'No copy of the pack {pack} could be saved in this folder: {reason}.',
    hint: 'Nothing was changed in the repository. Run the repair in a folder where there is space and leave to write.',
  },
  REST_COMMAND_FAILED: {
    message: 'The command "{command}" failed: {reason}.',
    hint: 'No snapshot was made. Run the command by hand to see what is wrong.',
  },
  OUTPUT_NOT_WRITTEN: {
    message: '{path} cannot be written: {reason}.',
    hint: 'Check the path, and the rights of this user.',
  },
  SERVICE_NO_SYSTEMD: {
    message: 'This machine is not run by systemd.',
    hint: 'Without --install the unit {file} is printed. Elsewhere, have `understudy agent run` or `understudy serve` started at boot.',
  },
  SERVICE_FOREIGN: {
    message: '{path} was not written by this command.',
    hint: 'Move it away, or print the unit without --install and put together what you need.',
  },
  SERVICE_NOT_STARTED: {
    message: 'The unit was written to {path}, but `{command}` failed: {reason}.',
    hint: 'See `systemctl status {file}` and `journalctl -u {file}`.',
  },
  SELF_CHECK_FAILED: {
    message: 'This machine is not fit to hold or read backups as it is: {count} of the checks failed.',
    hint: 'The lines above say which, and what each means.',
  },
  DEMO_FAILED: {
    message: 'The demonstration failed: {reason}.',
    hint: 'Please report it, with what was printed above.',
  },
  DAMAGE_FOUND: {
    message: 'The repository contains errors.',
    hint: 'The lines above say which, and which files they touch. Keep the repository as it is until you know what to do; `understudy repair --help` says how it can be mended.',
  },
} as const

export class CliError extends errorClass('CliError', cliErrors) {}

/** A mistake in the command line. `command` is the one whose help explains it. */
export function usage(command: string, reason: string): CliError {
  return new CliError('USAGE', { command, reason })
}
