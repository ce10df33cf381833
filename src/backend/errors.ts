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
    hint: 'Connect once by hand (`{login}`, as this user), compare the fingerprint and accept it; then run the command again.',
  },
  SSH_HOST_KEY_CHANGED: {
    message: 'The host key of {host} is not the one that it had before.',
    hint: 'If the server was set up anew, remove its old key with `ssh-keygen -R "{keyName}"` and connect once by hand. If not, somebody may pretend to be it: find out first.',
  },
  SSH_LOGIN_REFUSED: {
    message: 'The server at {location} does not let this user in: {reason}.',
    hint: 'Try `{login}` by hand, as this user: it must come in without being asked. A key is named in ~/.ssh/config, with -o sftp.args="-i FILE", or held by ssh-agent.',
  },
  SFTP_NOT_OFFERED: {
    message: 'The server at {location} offers no SFTP: {reason}.',
    hint: 'Switch it on in its sshd_config (`Subsystem sftp internal-sftp`), and see that its login scripts print nothing.',
  },
  S3_CLOCK_WRONG: {
    message:
      "This machine's clock is {offset} the clock of the storage at {location}, which therefore refuses every request.",
    hint: 'Set the clock of this machine, best by time synchronisation, and run the command again. The keys may be right.',
  },
  S3_CREDENTIALS_MISSING: {
    message: 'There are no keys for {location} ({reason}).',
    hint: 'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE for keys in ~/.aws/credentials; for a public bucket give -o s3.unsafe-anonymous-auth=true.',
  },
  S3_CREDENTIALS_EXPIRED: {
    message: 'The keys for {location} have expired, and there are no newer ones.',
    hint: 'Renew them where they come from; keys in a file or from a command are picked up while the command runs.',
  },
  S3_KEY_UNKNOWN: {
    message: 'The storage at {location} does not know the access key.',
    hint: 'Check AWS_ACCESS_KEY_ID (and AWS_SESSION_TOKEN, where there is one), and that they belong to this service.',
  },
  S3_SIGNATURE_REFUSED: {
    message: 'The storage at {location} knows the access key, but the secret key does not belong to it.',
    hint: 'Check AWS_SECRET_ACCESS_KEY. If it is right, a proxy in between may be changing the requests.',
  },
  S3_BUCKET_MISSING: {
    message: 'There is no bucket {bucket} at {location}.',
    hint: 'Check its name; `understudy init` makes it.',
  },
  S3_BUCKET_TAKEN: {
    message: 'A bucket {bucket} cannot be made at {location}: somebody else has one of that name.',
    hint: 'Names of buckets are shared by all customers of a service: choose another one.',
  },
  S3_REGION_WRONG: {
    message: 'The bucket of {location} does not lie in the region {region}, but in {right}.',
    hint: 'Give the right region with -o s3.region=… or AWS_DEFAULT_REGION.',
  },
  S3_OBJECT_LOCKED: {
    message:
      'The {type} {name} at {location} cannot be deleted: the bucket holds it until its retention ends ({reason}).',
    hint: 'Run the command again when the time is over. Backups are not touched by this.',
  },
  S3_ARCHIVED: {
    message: 'A file at {location} lies in an archive and cannot be read at once.',
    hint: 'Have it brought back by the service first (Amazon: restore-object), then run the command again.',
  },
  LOCATION_INVALID: {
    message: '"{location}" is not a location of a repository: {reason}.',
    hint: 'A location is a folder, sftp:user@host:/path, rest:https://host:8000/path/, or s3:https://host/bucket/path.',
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
