import { errorClass } from '#base'

/** Everything that reading and writing local disks can say. */
export const filesystemErrors = {
  ATTRIBUTE_NAME_NOT_UTF8: {
    message: 'the extended attribute "{name}" has a name that is not UTF-8 and cannot be stored',
    hint: 'Rename the attribute. Everything else about the entry has been stored.',
  },
} as const

export class FilesystemError extends errorClass('FilesystemError', filesystemErrors) {}
