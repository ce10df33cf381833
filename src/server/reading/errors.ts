import { errorClass } from '#base'

/** What keeps somebody from reading what lies in recovery points. */
export const readingErrors = {
  READING_BUSY: {
    message: 'Too many {what} are under way at this moment.',
    hint: 'Try again in a minute.',
  },
  READING_NO_FILE: {
    message: '"{path}" is a folder, and only files have a preview.',
    hint: 'List what is in it, and choose a file; or download the folder.',
  },
} as const

export class ReadingError extends errorClass('ReadingError', readingErrors) {}
