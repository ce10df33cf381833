import { errorClass } from '#base'

/** What can go wrong when a snapshot is restored. */
export const restorerErrors = {
  NAME_REFUSED: {
    message: '"{path}" is not restored: {reason}.',
    hint: 'No backup makes such a name: find out who wrote this snapshot. Everything else is restored.',
  },
  NAME_TWICE: {
    message: '"{path}" is not restored: its folder has another entry that is the same name here.',
    hint: 'Restore it to a file system that tells such names apart.',
  },
  KIND_REFUSED: {
    message: '"{path}" is not restored: {reason}.',
    hint: 'Everything else is restored.',
  },
  IN_THE_WAY: {
    message: '"{path}" is not restored: {reason}.',
    hint: 'Move away what is there, or restore with --delete or another --overwrite.',
  },
  TREE_UNREADABLE: {
    message: 'The folder "{path}" of the snapshot cannot be read: {reason}.',
    hint: 'Run `understudy check`; other folders are restored.',
  },
  CONTENT_MISSING: {
    message: '"{path}" is not restored: a part of its content is not in the repository.',
    hint: 'Run `understudy check` to see what is missing; another snapshot may hold the file whole.',
  },
  CONTENT_SIZE: {
    message: '"{path}" was restored with {actual} bytes, but the snapshot says {stated}.',
    hint: 'Compare the file with another copy before you use it, and run `understudy check`.',
  },
  NOT_RESTORED: {
    message: '"{path}" could not be restored: {reason}.',
    hint: 'Mend what is in the way and run the restore again: it goes on from what is there.',
  },
  FIRST_LINK_MISSING: {
    message: '"{path}" is not restored: it is a second name of "{first}", which was not restored.',
    hint: 'Mend what stopped the first and run the restore again.',
  },
  TARGET_FULL: {
    message: 'There is no space left at {location}; {files} files were restored before that.',
    hint: 'Make room there and run the same command again: it goes on from what has been restored.',
  },
  CONTENT_DIFFERS: {
    message: '"{path}" does not hold what the snapshot says: {reason}.',
    hint: 'Restore it again; if it differs again, check the disk.',
  },
  DUMP_NOT_FOUND: {
    message: 'The snapshot has no "{path}".',
    hint: 'List its files with `understudy ls`.',
  },
  DUMP_KIND: {
    message: '"{path}" is {kind}: it cannot be dumped.',
    hint: 'Give the path of a file or a folder, as `understudy ls -l` shows it.',
  },
  DUMP_STOPPED: {
    message: '"{path}" cannot be read: {reason}. What was written before that is not complete.',
    hint: 'Run `understudy check` to see what is damaged. `understudy restore` brings back everything else.',
  },
  SUBFOLDER_NOT_FOUND: {
    message: 'The snapshot has no folder "{path}".',
    hint: 'List the folders of the snapshot with `understudy ls`.',
  },
} as const

export class RestorerError extends errorClass('RestorerError', restorerErrors) {}
