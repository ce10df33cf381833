import { errorClass } from '#base'

/** Everything that reading and writing local disks can say. */
export const filesystemErrors = {
  ATTRIBUTE_NAME_NOT_UTF8: {
    message: 'the extended attribute "{name}" has a name that is not UTF-8 and cannot be stored',
    hint: 'Rename the attribute. Everything else about the entry has been stored.',
  },
  ENTRY_IMMUTABLE: {
    message: '"{path}" is marked {flag} (chattr), so it cannot be changed.',
    hint: 'Take the mark off with `chattr -i -a`, then run the restore again.',
  },
  ATTRIBUTE_NOT_SET: {
    message: 'The extended attribute "{name}" could not be set: {reason}.',
    hint: 'The content is restored; the file system may limit how much room attributes take.',
  },
  FILE_REPLACED: {
    message: '"{path}" was replaced by somebody else while it was being restored.',
    hint: 'Look for a program that works in the same folder, stop it, and run the restore again.',
  },
  ATTRIBUTES_NOT_READ: {
    message: 'The extended attributes of "{path}" could not be read: {reason}.',
    hint: 'Run the backup as a user who may read them. Everything else about the entry has been stored.',
  },
  CLOUD_FILES_UNKNOWN: {
    message:
      '--exclude-cloud-files is not supported here: this system does not tell which files are in the cloud only.',
    hint: 'Leave the flag out, and exclude the folders of the cloud drive by a pattern.',
  },
  COMMAND_FAILED: {
    message: 'The command "{command}" failed ({how}), so what it printed is not saved.',
    hint: 'See what it printed on its standard error, and run it by itself.',
  },
  COMMAND_NOT_STARTED: {
    message: 'The command "{command}" could not be started: {reason}.',
    hint: 'Check its name and that it may be executed.',
  },
  ENTRY_REPLACED: {
    message: '"{path}" was replaced by a {type} while it was being backed up.',
    hint: 'It is not in this snapshot. Run the backup again; if it happens again, find out who changes it.',
  },
  ENTRY_VANISHED: {
    message: '"{path}" was there when its folder was listed, and gone a moment later.',
    hint: 'It is not in this snapshot. Temporary files can be excluded by a pattern.',
  },
  FILENAME_INVALID: {
    message: '"{filename}" cannot be the name of a file in a snapshot.',
    hint: 'Give --stdin-filename a path without `..`.',
  },
  FILE_NOT_READ: {
    message: 'Reading failed at byte {offset}: {reason}.',
    hint: 'Check the disk (`dmesg`, `smartctl`). The other files have been stored.',
  },
  LIST_CUT_OFF: {
    message: 'The list of --files-from-raw does not end with a zero byte: it may have been cut off.',
    hint: 'Make the list with `find … -print0`, and see that the command that makes it succeeds.',
  },
  LIST_HAS_EMPTY_NAME: {
    message: 'The list of --files-from-raw has an empty name in it.',
    hint: 'Take it out: an empty name would mean the working folder.',
  },
  LIST_NOT_READ: {
    message: 'The file "{file}" could not be read: {reason}.',
    hint: 'Check the name that was given to the flag.',
  },
  MOUNT_SILENT: {
    message: 'What is mounted at "{path}" has not answered for {seconds} s.',
    hint: 'Check the server it comes from, unmount it, or use --one-file-system.',
  },
  NO_VOLUME_SNAPSHOT: {
    message: '"{path}" does not lie on a volume that a snapshot can be taken of ({kind}).',
    hint: 'Leave out the flag: the files are then read as they are.',
  },
  NOTHING_TO_BACK_UP: {
    message: 'Nothing to back up was named.',
    hint: 'Give files or folders, or a list of them with --files-from.',
  },
  NOT_A_FOLDER: {
    message: '"{path}" is not a folder.',
    hint: 'Something below it was to be backed up; check the path.',
  },
  PATTERN_INVALID: {
    message: 'The pattern "{pattern}" is malformed.',
    hint: 'Close every `[`, and put a backslash before a character that stands for itself.',
  },
  SIZE_INVALID: {
    message: '"{size}" is no size.',
    hint: 'Write a whole number, with k, m, g or t behind it for KiB, MiB, GiB or TiB.',
  },
  STREAM_EMPTY: {
    message: 'No data came from standard input or from the command.',
    hint: 'Check the program that should have made it; an empty backup is not saved.',
  },
  STREAM_SILENT: {
    message: 'Nothing has come for {seconds} s, so whatever should have made the data was ended.',
    hint: 'See whether it waits for something (a lock, a server that hangs), then run the backup again.',
  },
  STREAM_READ_TWICE: {
    message: 'Standard input can only be read once.',
    hint: 'Run the backup again.',
  },
  SYSTEM_UNSUPPORTED: {
    message: '{what} is not supported on {system}.',
    hint: 'Run this on Linux.',
  },
  TAG_IGNORED: {
    message: 'The tag file "{path}" was ignored: {reason}.',
    hint: 'Its folder is backed up as if the tag were not there.',
  },
  TAG_INVALID: {
    message: '"{spec}" names no tag file.',
    hint: 'Write --exclude-if-present FILE or FILE:HEADER.',
  },
  TARGETS_MISSING: {
    message: 'None of the files and folders to back up exist, or none can be accessed.',
    hint: 'Check the paths; perhaps a disk is not mounted.',
    exitCode: 1,
  },
  TARGET_TWICE: {
    message: '"{path}" would be in the snapshot twice.',
    hint: 'Name it once.',
  },
  VOLUME_NOT_WHOLE: {
    message: 'Other volumes are mounted below what is to be backed up, and would not be in the snapshot: {paths}.',
    hint: 'Name them as targets of their own, use --one-file-system, or let the kind of snapshot be `auto`.',
  },
  VOLUME_SNAPSHOT_FAILED: {
    message: 'The snapshot of the volume could not be taken: {reason}.',
    hint: 'It needs root and free room in the volume group or pool. Without it the files are read as they are.',
  },
  VOLUME_SNAPSHOT_LOST: {
    message:
      'The snapshot {name} of the volume was lost while it was read ({reason}): what was read is not of one moment.',
    hint: 'No snapshot has been saved. Give the volume snapshot more room, or back up when less is written.',
  },
  VOLUME_SNAPSHOT_NOT_DROPPED: {
    message: 'The snapshot {name} of the volume could not be dropped: {reason}.',
    hint: 'The next backup of this volume tries again; until then it takes room.',
  },
} as const

export class FilesystemError extends errorClass('FilesystemError', filesystemErrors) {}
