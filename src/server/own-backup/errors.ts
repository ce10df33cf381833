import { errorClass } from '#base'

/** What can go wrong when the server backs itself up, and when it is brought back. */
export const ownBackupErrors = {
  OWN_BACKUP_GONE: {
    message: 'The server’s own backup that was at {location} is not there any more, or is another repository.',
    hint: 'Find out who removed it. To begin a new one, name a place for it: PUT /api/server/backup.',
  },
  REBUILD_NOT_EMPTY: {
    message: 'There is a server in {place} already.',
    hint: 'A server is rebuilt into an empty folder and an empty database. Put away what is there, or start it as it is.',
  },
  REBUILD_NOTHING_THERE: {
    message: 'There is no backup of a server at {location}.',
    hint: 'Name the folder or bucket in which the server’s own repository lies, or the repositories’ storage with --without-own-backup.',
  },
  REBUILD_BACKUP_INVALID: {
    message: 'The backup of the server cannot be used: {reason}.',
    hint: 'Try an older one: restore it with `understudy restore` to look at it. Or rebuild with --without-own-backup.',
  },
  REBUILD_CANNOT_LIST: {
    message: 'Nobody can tell which repositories lie at {location}.',
    hint: 'Without the server’s own backup it must be a folder or a bucket of S3: mount it, or copy it into a folder.',
  },
} as const

export class OwnBackupError extends errorClass('OwnBackupError', ownBackupErrors) {}
