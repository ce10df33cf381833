import { errorClass } from '#base'

/** What can go wrong between us and the storage. */
export const backendErrors = {
  FILE_NOT_FOUND: {
    message: 'The {type} {name} is not in the repository at {location}.',
    hint: 'Run `understudy check` to see what is missing and which files that touches.',
  },
  FILE_EXISTS: {
    message: 'The {type} {name} is already at {location}, with other content.',
    hint: 'Files of a repository are never changed; look for a second program that writes there.',
  },
  FILE_TOO_SHORT: {
    message: 'The {type} {name} at {location} ends before the bytes that were asked for.',
    hint: 'The file is damaged: run `understudy check`.',
  },
  FILE_TOO_LARGE: {
    message: 'The {type} {name} at {location} is larger than such a file can be.',
    hint: 'The file is not one of this repository, or the storage is not what it says: look at the storage.',
  },
  STORAGE_FULL: {
    message: 'There is no space left at {location}.',
    hint: 'Make room there, then run the command again: what has been stored is kept and used.',
  },
  ACCESS_DENIED: {
    message: 'Access to {location} was refused ({reason}).',
    hint: 'Check user name, password and the rights on the storage.',
  },
  STORAGE_UNREACHABLE: {
    message: 'The storage at {location} does not answer ({reason}).',
    hint: 'Check the network and that the server is running.',
  },
  STORAGE_FAILED: {
    message: 'The storage at {location} failed: {reason}.',
    hint: 'Run the command again; if it fails again, look into the log of the storage.',
  },
  STORAGE_STALLED: {
    message: 'The storage at {location} made no progress for {seconds} seconds.',
    hint: 'Check the network; the command can be run again and goes on from what has been stored.',
  },
  TLS_REFUSED: {
    message: 'The connection to {location} is not trusted: {reason}.',
    hint: 'Give the certificate authority with --cacert, or mend the certificate of the server.',
  },
  LOCATION_INVALID: {
    message: '"{location}" is not a location of a repository: {reason}.',
    hint: 'A location is a folder, or rest:https://host:8000/path/.',
  },
  LOCATION_NOT_YET: {
    message: 'Storage of the kind "{scheme}:" cannot be used yet.',
    hint: 'Use a folder or a REST server (rest:https://host:8000/path/) for now.',
  },
  TLS_FILE_INVALID: {
    message: 'The file {path} cannot be used for TLS: {reason}.',
    hint: 'It must hold certificates, or a certificate and its private key, in PEM format.',
  },
} as const

export class BackendError extends errorClass('BackendError', backendErrors) {}
