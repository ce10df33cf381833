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
  SSH_NOT_FOUND: {
    message: 'The program {program}, which connects to {location}, is not on this machine.',
    hint: 'Install OpenSSH (Debian: `apt install openssh-client`), or name another program with -o sftp.command=….',
  },
  SSH_NOT_USABLE: {
    message: 'The program {program} does not accept its settings: {reason}.',
    hint: 'Check ~/.ssh/config and the words of -o sftp.args.',
  },
  SSH_HOST_KEY_UNKNOWN: {
    message: 'The host key of {host} is not known, so nobody can tell whether it is the right server.',
    hint: 'Connect once by hand (`ssh {host}`, as this user), compare the fingerprint and accept it; then run the command again.',
  },
  SSH_HOST_KEY_CHANGED: {
    message: 'The host key of {host} is not the one that it had before.',
    hint: 'If the server was set up anew, remove its old key with `ssh-keygen -R {host}` and connect once by hand. If not, somebody may pretend to be it: find out first.',
  },
  SSH_LOGIN_REFUSED: {
    message: 'The server at {location} does not let this user in: {reason}.',
    hint: 'Try `ssh {host}` by hand, as this user: it must come in without being asked. A key is named in ~/.ssh/config, with -o sftp.args="-i FILE", or held by ssh-agent.',
  },
  SFTP_NOT_OFFERED: {
    message: 'The server at {location} offers no SFTP: {reason}.',
    hint: 'Switch the subsystem on in its sshd_config: `Subsystem sftp internal-sftp`.',
  },
  LOCATION_INVALID: {
    message: '"{location}" is not a location of a repository: {reason}.',
    hint: 'A location is a folder, sftp:user@host:/path, or rest:https://host:8000/path/.',
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
