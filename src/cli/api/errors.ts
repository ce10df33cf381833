import { errorClass, printable, UnderstudyError } from '#base'
import type { ErrorAnswer } from '#protocol'

/** What can go wrong between a command and the server that it calls. */
export const callErrors = {
  LOGIN_MISSING: {
    message: 'Nobody is signed in at {server} from here.',
    hint: 'Run `understudy login`; in scripts, set UNDERSTUDY_SERVER and UNDERSTUDY_TOKEN or UNDERSTUDY_TOKEN_FILE.',
  },
  LOGIN_FILE_INVALID: {
    message: 'The file {path} cannot be used: {reason}.',
    hint: 'It must belong to this user and be readable for nobody else (mode 0600). Remove it and run `understudy login` again.',
  },
  LOCAL_ACCESS_REFUSED: {
    message: 'The server on this machine cannot be used by this user: {reason}.',
    hint: 'Run the command as the user that runs the server, while it runs; or sign in with `understudy login`.',
  },
  SERVER_ADDRESS_INVALID: {
    message: '"{address}" is no address of a server.',
    hint: 'It is like https://backup.example:8484; plain http:// only on this machine, as the password could be read on the way.',
  },
  SERVER_NOT_REACHED: {
    message: 'The server at {url} cannot be reached: {reason}.',
    hint: 'See that it runs (`understudy serve`), and that this machine may call it at that address.',
  },
  CERTIFICATE_NOT_TRUSTED: {
    message: 'Nobody vouches for the certificate of {url}. Its fingerprint is {fingerprint}.',
    hint: 'If that is the fingerprint that the server itself names, give it with --fingerprint.',
  },
  CERTIFICATE_CHANGED: {
    message: 'Whoever answers at {url} has another certificate than the server that is known. Nothing was sent.',
    hint: 'If the server was set up anew, sign in again with `understudy login`. If not, somebody stands between: find out who.',
  },
  ANSWER_INVALID: {
    message: 'What answers at {url} does not speak as the server does: {reason}.',
    hint: 'See that the address is right, and that this program and the server are of about the same version.',
  },
  SIGN_IN_REFUSED: {
    message: 'The server did not let you in: {reason}.',
    hint: 'See that e-mail address, password and code are right; after many wrong ones it takes none for a while.',
  },
  INPUT_ENDED: {
    message: 'Standard input ended before the question "{question}" was answered.',
    hint: 'Run it on a terminal, or give a line for each question.',
  },
  NAME_UNKNOWN: {
    message: 'There is no {thing} "{name}" here.',
    hint: 'See `{list}`.',
  },
  SNAPSHOT_UNKNOWN: {
    message: 'There is no snapshot "{name}" of this {thing}.',
    hint: 'See `understudy {thing} snapshots`; the first six digits or more of an id are enough.',
  },
  NAME_AMBIGUOUS: {
    message: 'More than one {thing} is called "{name}": {ids}.',
    hint: 'Give the id of the one that is meant.',
  },
  KIT_CODE_NOT_RIGHT: {
    message: 'The kit does not count as stored: {reason}.',
    hint: 'Type the code from the paper of the kit that was made last; if it is not there any more, make and print a new one.',
  },
  OPERATION_FAILED: {
    message: 'The operation {id} failed: {reason}.',
    hint: 'See `understudy operation show {id}`.',
  },
  OPERATION_CANCELLED: {
    message: 'The operation {id} was cancelled.',
    hint: 'See `understudy operation show {id}`.',
  },
  OPERATION_WARNINGS: {
    message: 'The operation {id} ended with warnings: {reason}.',
    hint: 'See `understudy operation show {id}`.',
    exitCode: 3,
  },
  DOWNLOAD_NAME_UNFIT: {
    message: 'The server calls the file "{name}", which is no name for a file here.',
    hint: 'Say where to put it: --to FILE.',
  },
  DOWNLOAD_IN_THE_WAY: {
    message: 'There is {path} already. Nothing was changed.',
    hint: 'Say --to another file, or --force to replace this one.',
  },
  DOWNLOAD_NO_FILE: {
    message: '{path} is no file that could be replaced.',
    hint: 'Say --to a file, or --to - for standard output.',
  },
  DOWNLOAD_NOT_SAVED: {
    message: 'The file cannot be saved as {path}: {reason}.',
    hint: 'Check the folder, its rights and its free space. Nothing lies there under that name that was not there before.',
  },
  AUDIT_FILE_UNREADABLE: {
    message: '{path} cannot be read: {reason}.',
    hint: 'Name the file that `understudy audit export` saved.',
  },
  AUDIT_FILE_BROKEN: {
    message: 'This is not the audit log as it was written: {reason}.',
    hint: 'Compare it with other files that were exported, and find out who could write it.',
  },
  VALUE_FILE_INVALID: {
    message: '{path} cannot be read as YAML or JSON: {reason}.',
    hint: 'Mend it and run the command again; nothing was sent.',
  },
} as const

export class CallError extends errorClass('CallError', callErrors) {}

const inputAdvice = 'Mend what is named, in a flag or in the file of --file; the command’s --help says what it takes.'

/** What the server refused, with its own code, sentence and hint. */
export class ServerRefusal extends UnderstudyError {
  override readonly name = 'ServerRefusal'

  constructor({ code, message, hint }: ErrorAnswer) {
    // The server speaks to programs there.
    const advice = code === 'INPUT_INVALID' ? inputAdvice : hint
    super(code, { message: '', hint: '{advice}' }, { advice })
    // A policy with many mistakes has a long sentence.
    this.message = printable(message, 4096)
  }
}
