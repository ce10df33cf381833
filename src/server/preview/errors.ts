import { errorClass } from '#base'

/** Why a preview could not be made. Most are about the file, and part of the answer; what is thrown is at the end. */
export const previewErrors = {
  PREVIEW_NO_READER: {
    message: 'This is {what}; there is no preview for it.',
    hint: 'Get the file back and open it with its own program.',
  },
  PREVIEW_OLD_FORMAT: {
    message: 'This is {what}, which cannot be read here.',
    hint: 'Get the file back and open it with its own program; saved in the newer format (.docx, .xlsx, .pptx) it can be previewed from the next backup on.',
  },
  PREVIEW_EMPTY: {
    message: 'The file is empty.',
    hint: 'If it should hold something, look at an older version.',
  },
  PREVIEW_NO_TEXT: {
    message: 'This is {what} that has no text in it: its pages may be images, as a scanner makes them.',
    hint: 'Get the file back and open it with its own program.',
  },
  PREVIEW_LOCKED: {
    message: 'This is {what} that is protected by a password.',
    hint: 'Get the file back and open it with its own program and the password.',
  },
  PREVIEW_DAMAGED: {
    message: 'This looks like {what} but cannot be read as one.',
    hint: 'The file may have been damaged before it was backed up: look at an older version, or get it back and open it with its own program.',
  },
  PREVIEW_FILE_TOO_LARGE: {
    message: 'This is {what}, and larger than the {limit} up to which such files are previewed.',
    hint: 'Get the file back and open it with its own program.',
  },
  PREVIEW_UNPACKS_TOO_LARGE: {
    message: 'This is {what} that unpacks to more than {limit}.',
    hint: 'Some files are made to fill the memory of whoever opens them: be careful with it if you do not know where it is from.',
  },
  PREVIEW_IMAGE_TOO_LARGE: {
    message: 'This is {what} of more than {limit} million pixels.',
    hint: 'Get the file back and open it with its own program; some images are made to fill the memory of whoever opens them.',
  },
  PREVIEW_TOO_SLOW: {
    message: 'The preview was given up: reading the file took more than {limit} seconds.',
    hint: 'Get the file back and open it with its own program; be careful with it if you do not know where it is from.',
  },
  PREVIEW_TOO_MUCH_MEMORY: {
    message: 'The preview was given up: reading the file took more memory than it may.',
    hint: 'Get the file back and open it with its own program; be careful with it if you do not know where it is from.',
  },
  PREVIEW_READER_FAILED: {
    message: 'The process that reads files for previews ended without an answer to this file.',
    hint: 'Get the file back and open it with its own program; be careful with it if you do not know where it is from.',
  },
  PREVIEW_NOT_STARTED: {
    message: 'The process that reads files for previews could not be started: {reason}.',
    hint: 'The server may be short of memory or processes, or its installation damaged: look into its log.',
  },
  PREVIEWS_BUSY: {
    message: 'Too many previews are being made at this moment.',
    hint: 'Try again in a minute.',
  },
} as const

export type PreviewCode = keyof typeof previewErrors

export class PreviewError extends errorClass('PreviewError', previewErrors) {}
