import { errorClass } from '#base'

/** What can go wrong while a snapshot is made. */
export const archiverErrors = {
  SNAPSHOT_EMPTY: {
    message: 'There is nothing to back up: none of what was named could be read.',
    hint: 'Check the paths, whether the disk is mounted, and the rights of this user. No snapshot was made.',
  },
  CHANGED_WHILE_READ: {
    message: 'The file changed while it was read; it was stored as it was read.',
    hint: 'For a consistent copy read from a snapshot of the volume (--fs-snapshot), or stop what writes to it.',
  },
} as const

export class ArchiverError extends errorClass('ArchiverError', archiverErrors) {}
