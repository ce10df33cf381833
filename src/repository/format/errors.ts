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
  JSON_INVALID: {
    message: 'The {what} is not the JSON that it should be: {reason} at byte {offset}.',
    hint: 'Run `understudy check` to see what is damaged and which files that touches.',
  },
  FIELD_INVALID: {
    message: 'The {what} is malformed: "{field}" {reason}.',
    hint: 'Run `understudy check` to see what is damaged and which files that touches.',
  },
  ID_INVALID: {
    message: '"{id}" is not an id: an id has 64 digits, 0 to 9 and a to f.',
    hint: 'Give the id as `understudy list` prints it.',
  },
  TIME_INVALID: {
    message: '"{time}" is not a time as the format writes it: {reason}.',
    hint: 'A time looks like 2026-01-31T13:45:00.5+01:00; if it comes from the repository, run `understudy check`.',
  },
  NAME_INVALID: {
    message: 'The name "{name}" in a tree is malformed: {reason}.',
    hint: 'Run `understudy check` to see which folder that is; everything else can be restored.',
  },
  TREE_NOT_ORDERED: {
    message: 'The tree is malformed: the entry "{name}" does not come after "{previous}".',
    hint: 'Run `understudy check` to see which folder that is; snapshots made before may hold it whole.',
  },
  TREE_TOO_LARGE: {
    message: 'A folder has too many entries: its list would be {size} bytes, and the format ends at {limit}.',
    hint: 'Divide the folder into several, or leave part of it out with --exclude.',
  },
  PACK_HEADER_INVALID: {
    message: 'The header of the pack is malformed: {reason}.',
    hint: 'Run `understudy check --read-data` to see what is damaged and which files that touches.',
  },
  CONFIG_VERSION_UNSUPPORTED: {
    message: 'The repository has format version {version}; versions 1 and 2 are known.',
    hint: 'Use a newer Understudy, or the program that made the repository.',
  },
} as const

export class FormatError extends errorClass('FormatError', formatErrors) {}
