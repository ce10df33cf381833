import { errorClass } from '#base'

/** What the repository endpoint answers to a machine that asks for what it cannot have. */
export const endpointErrors = {
  ENDPOINT_CREDENTIAL_MISSING: {
    message: 'This server gives and takes nothing without a user name and a password.',
    hint: 'Give both in the location of the repository: rest:https://user:password@host/repo/…/.',
  },
  ENDPOINT_CREDENTIAL_WRONG: {
    message: 'The user name or the password is wrong.',
    hint: 'Look at the credential of this machine on the server; a machine that was revoked needs a new one.',
  },
  ENDPOINT_LOCKED_OUT: {
    message: 'There were too many wrong passwords; the next try is looked at in {seconds} seconds.',
    hint: 'Correct the password first. Who has come in from here with this user name before is not held up by others.',
  },
  ENDPOINT_PATH_UNKNOWN: {
    message: 'No repository has anything of this name.',
    hint: 'Paths are /repo/<repository>/config and /repo/<repository>/<data, index, keys, locks or snapshots>/<name>.',
  },
  ENDPOINT_REQUEST_MALFORMED: {
    message: 'This is no request that a repository understands.',
    hint: 'The protocol is the one of restic (`rest:`), version 1 or 2.',
  },
  ENDPOINT_METHOD_UNKNOWN: {
    message: 'This cannot be done with what lies at this path.',
    hint: 'Files are read with GET and HEAD, added with POST; POST ?create=true makes a repository.',
  },
  ENDPOINT_REPOSITORY_FOREIGN: {
    message: 'This credential belongs to another repository.',
    hint: 'Every machine has a repository of its own: use the location that the server shows for this machine.',
  },
  ENDPOINT_REPOSITORY_CLOSED: {
    message: 'The repository is closed: {reason}.',
    hint: 'Ask whoever runs the server.',
  },
  ENDPOINT_REPOSITORY_READ_ONLY: {
    message: 'Nothing can be added to the repository at present: {reason}.',
    hint: 'Reading goes on. Ask whoever runs the server.',
  },
  ENDPOINT_REPOSITORY_MISSING: {
    message: 'The repository has not been made yet.',
    hint: 'Run `understudy init` or `restic init` with this location first.',
  },
  ENDPOINT_FILE_MISSING: {
    message: 'The repository holds no {type} {name}.',
    hint: 'Run `understudy check` to see what is missing and what that touches.',
  },
  ENDPOINT_FILE_TAKEN: {
    message: 'The repository holds a {type} {name} with other content, and nothing is ever replaced.',
    hint: 'For the config: the repository exists already. For anything else: the upload was damaged on its way.',
  },
  ENDPOINT_FILE_DAMAGED: {
    message: 'The {type} {name} was stored before, and is damaged in the storage of the server.',
    hint: 'Whoever runs the server should have the repository checked and repaired.',
  },
  ENDPOINT_DELETE_REFUSED: {
    message: 'A machine deletes nothing but its own locks; the {type} {name} stays.',
    hint: 'Retention and prune are done by the server, by the policy of the machine.',
  },
  ENDPOINT_LOCK_FOREIGN: {
    message: 'The lock {name} is not one of this machine and stays.',
    hint: 'It belongs to the server, which removes it when its work is done.',
  },
  ENDPOINT_NAME_WRONG: {
    message: 'The bytes that arrived do not hash to the name {name}, and were not stored.',
    hint: 'They were damaged on their way, or the sender is: send them again.',
  },
  ENDPOINT_FILE_TOO_LARGE: {
    message: 'A {type} may have {allowed} here.',
    hint: 'Choose a smaller --pack-size.',
  },
  ENDPOINT_RANGE_BEYOND: {
    message: 'The {type} {name} ends before the bytes that were asked for.',
    hint: 'The file is damaged, or the index is: run `understudy check`.',
  },
  ENDPOINT_TOO_MANY_UPLOADS: {
    message: 'Too many uploads are under way ({uploads}).',
    hint: 'Try again in a moment, or with fewer connections.',
  },
  ENDPOINT_QUOTA_REACHED: {
    message: 'The quota is reached: {used} of {allowed} are used, and {more} more do not fit.',
    hint: 'Raise the quota of the machine on the server, or shorten its retention there. Restoring goes on.',
  },
  ENDPOINT_STORAGE_FULL: {
    message: 'The storage of the server is full.',
    hint: 'Make room on the server; what has been stored is kept and used by the next run. Restoring goes on.',
  },
  ENDPOINT_SPOOL_FULL: {
    message: 'The server holds as many uploads as it can until its storage has taken them.',
    hint: 'Try again in a moment.',
  },
  ENDPOINT_STORAGE_FAILED: {
    message: 'The storage of the server failed; nothing was changed.',
    hint: 'Try again. If it fails again, whoever runs the server finds the reason in its log.',
  },
  ENDPOINT_UPLOAD_BROKEN: {
    message: 'The connection broke before the whole file had arrived; nothing was stored.',
    hint: 'Try again.',
  },
  ENDPOINT_NOT_RECORDED: {
    message: 'The {type} {name} is stored, but the server could not note that it has it.',
    hint: 'Send it again: it counts as received only when this succeeds.',
  },
} as const

export class EndpointError extends errorClass('EndpointError', endpointErrors) {}

export type EndpointErrorCode = keyof typeof endpointErrors

/**
 * restic gives up at once on 401, 403, 404, 416 and 507, and tries again for a quarter of an hour after everything else
 * (restic: internal/backend/rest/rest.go, IsPermanentError).
 */
export const statusOf: Readonly<Record<EndpointErrorCode, number>> = {
  ENDPOINT_CREDENTIAL_MISSING: 401,
  ENDPOINT_CREDENTIAL_WRONG: 401,
  ENDPOINT_LOCKED_OUT: 429,
  ENDPOINT_PATH_UNKNOWN: 404,
  ENDPOINT_REQUEST_MALFORMED: 400,
  ENDPOINT_METHOD_UNKNOWN: 405,
  ENDPOINT_REPOSITORY_FOREIGN: 403,
  ENDPOINT_REPOSITORY_CLOSED: 403,
  ENDPOINT_REPOSITORY_READ_ONLY: 403,
  ENDPOINT_REPOSITORY_MISSING: 404,
  ENDPOINT_FILE_MISSING: 404,
  ENDPOINT_FILE_TAKEN: 403,
  ENDPOINT_FILE_DAMAGED: 500,
  ENDPOINT_DELETE_REFUSED: 403,
  ENDPOINT_LOCK_FOREIGN: 403,
  ENDPOINT_NAME_WRONG: 400,
  ENDPOINT_FILE_TOO_LARGE: 413,
  ENDPOINT_RANGE_BEYOND: 416,
  ENDPOINT_TOO_MANY_UPLOADS: 429,
  ENDPOINT_QUOTA_REACHED: 507,
  ENDPOINT_STORAGE_FULL: 507,
  ENDPOINT_SPOOL_FULL: 503,
  ENDPOINT_STORAGE_FAILED: 503,
  ENDPOINT_UPLOAD_BROKEN: 400,
  ENDPOINT_NOT_RECORDED: 503,
}
