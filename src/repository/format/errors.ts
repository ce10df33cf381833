import { errorClass } from '#base'

/** What can be wrong with bytes that claim to be part of a repository. `what` names the thing: "blob 1f2e…", "config". */
export const formatErrors = {
  SEAL_BROKEN: {
    message: 'The seal does not fit: the data was changed or damaged, or was sealed with another key.',
    hint: 'Run `understudy check --read-data` to see what is damaged and which files that touches.',
  },
  MASTER_KEY_INVALID: {
    message: 'The master key of the repository is malformed: {reason}.',
    hint: 'Restore the key file from another copy of the repository, or open it with another key.',
  },
  KEY_COST_REFUSED: {
    message: 'The key file asks for a password check that is out of bounds: {reason}.',
    hint: 'A key file made by restic or Understudy never does; remove the key file if it is not yours.',
  },
  COMPRESSION_BROKEN: {
    message: 'Compressed data cannot be unpacked: {reason}.',
    hint: 'Run `understudy check --read-data` to see what is damaged and which files that touches.',
  },
  UNPACKED_INVALID: {
    message: 'A file of the repository does not start as the format says: {reason}.',
    hint: 'The file is damaged or was put there by another program: run `understudy check`.',
  },
  POLYNOMIAL_INVALID: {
    message: 'The chunker polynomial "{polynomial}" cannot be used: {reason}.',
    hint: 'The config of the repository is damaged: restore it from another copy of the repository.',
  },
} as const

export class FormatError extends errorClass('FormatError', formatErrors) {}
