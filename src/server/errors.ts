import { errorClass } from '#base'

/** What can go wrong with the control server itself. */
export const serverErrors = {
  DATABASE_UNREACHABLE: {
    message: 'The control database at {location} cannot be opened: {reason}.',
    hint: 'See that it runs, that the address, name and password are right, and that this machine may connect.',
  },
  DATABASE_FAILED: {
    message: 'The control database cannot be used just now: {reason}.',
    hint: 'See that it runs and that its disk has room and may be written; the server goes on by itself when it does. Nothing of this call was kept.',
  },
  NOT_READY: {
    message: 'The server cannot work just now: {what}.',
    hint: 'See that its database runs, and that the disks of its folders are there and can be written to.',
  },
  DATABASE_NEWER: {
    message: 'The control database was written by a newer version of Understudy: it has the step "{step}".',
    hint: 'Use that version again, or take the schema back with it first: `understudy schema back {known}`.',
  },
  SCHEMA_STEP_FAILED: {
    message: 'The step "{step}" of the control database’s schema failed: {reason}.',
    hint: 'Nothing of it was kept. The copy made before is {copy}.',
  },
  SCHEMA_STEP_UNKNOWN: {
    message: 'There is no step "{step}" of the schema.',
    hint: 'The steps are: {steps}.',
  },
  SCHEMA_STEP_FIRST: {
    message: 'The schema has no step to be taken back to.',
    hint: 'See `understudy schema show`.',
  },
  DATABASE_IN_USE: {
    message: 'A server works with the control database at {location}.',
    hint: 'Stop every server that uses it, then run the command again. Nothing was changed.',
  },
  AGENT_TOO_OLD: {
    message:
      'The agent of this machine ({version}) is too old for this server: it speaks version {spoken} of the protocol, the server {oldest} to {newest}.',
    hint: 'Update Understudy on the machine. Its backups go on by the policies that it has, and are told of later.',
  },
  AGENT_TOO_NEW: {
    message:
      'This server is too old for the agent of this machine ({version}): that speaks version {spoken} of the protocol, the server {oldest} to {newest}.',
    hint: 'Update the server first, then its agents. Backups of the machine go on by the policies that it has, and are told of later.',
  },
  SEALING_KEY_MISSING: {
    message: 'The key that opens the server’s secrets is not at {path}.',
    hint: 'Bring it back from the recovery kit or a copy. Without it the secrets in the database cannot be read.',
  },
  SEALING_KEY_INVALID: {
    message: 'The file {path} is not a sealing key that only its owner may read: {reason}.',
    hint: 'It holds 64 hexadecimal digits and has mode 0600.',
  },
  SECRET_DAMAGED: {
    message: 'A sealed value ({purpose}) cannot be opened.',
    hint: 'It was sealed with another key, moved from another place, or changed. Restore the database and its key from one time.',
  },
  AUDIT_PLACE_INVALID: {
    message: 'The audit log cannot be sent there: {reason}.',
    hint: 'Name a file, or an address that begins with https://; a token for it goes into UNDERSTUDY_AUDIT_TOKEN.',
  },
  AUDIT_NOT_SENT: {
    message: 'The audit log could not be sent on: {reason}.',
    hint: 'It is tried again, and nothing is left out. See that the receiver runs, and what it says.',
  },
  SIGN_IN_NEEDED: {
    message: 'This needs somebody who is signed in.',
    hint: 'Sign in, or send an API token: `authorization: Bearer TOKEN`.',
  },
  PERSON_NEEDED: {
    message: 'This needs a person who is known by name; a command that works as the server’s own user is nobody.',
    hint: 'Sign in: `understudy login`.',
  },
  RIGHT_MISSING: {
    message: 'You may not do this: it needs the right "{right}".',
    hint: 'Ask an owner of this client, or of the server, for a role that has it.',
  },
  NOT_FOUND: {
    message: 'There is no {what} of this name here.',
    hint: 'Look at the list; what belongs to a client that you may not see is not shown to you either.',
  },
  NOTHING_YET: {
    message: 'This machine has no {what} yet.',
    hint: 'It comes when the machine was approved and its agent has run, or, without our agent, with its first backup.',
  },
  INPUT_INVALID: {
    message: 'The {part} is not as it must be: {reason}.',
    hint: 'What each call takes is described at /api/openapi.json.',
  },
  ORIGIN_REFUSED: {
    message: 'This call came from a page of another origin.',
    hint: 'Open the console at the address of the server itself.',
  },
  TOO_MANY_REQUESTS: {
    message: 'There were too many calls from this address.',
    hint: 'Wait {seconds} seconds.',
  },
  TOO_MANY_STREAMS: {
    message: 'You watch what changes from {most} places already.',
    hint: 'Close some of them: programs that read /api/events need one stream each.',
  },
  RATE_EXCEEDED: {
    message: 'This was done {most} times within an hour, which is as often as one person or machine may.',
    hint: 'Wait {seconds} seconds. If it was not you, end your sessions and tokens and change the password: the audit log shows what was opened.',
  },
  SET_UP_LINK_INVALID: {
    message: 'This link was used already, has expired, or never was one.',
    hint: 'Ask whoever runs the server for a new one; for the first owner it prints one at each start.',
  },
  NAME_TAKEN: {
    message: 'There is already a {what} of this name.',
    hint: 'Choose another name.',
  },
  ENROLMENT_LINE_INVALID: {
    message: 'This enrolment line was used as often as it may be, has expired, or never was one.',
    hint: 'Have a new one made: `understudy machine enrol-line`.',
  },
  STATE_WRONG: {
    message: 'The {what} is {state}, so this cannot be done.',
    hint: 'Look at how it is now: somebody else may have been quicker.',
  },
  LISTEN_FAILED: {
    message: 'The server cannot listen at {address}: {reason}.',
    hint: 'See whether another program does already, or choose another address with --listen.',
  },
  LISTEN_ADDRESS_INVALID: {
    message: '"{address}" is no address to listen at.',
    hint: 'It is HOST:PORT, such as 127.0.0.1:8484 or [::]:8484.',
  },
  CERTIFICATE_INVALID: {
    message: 'The certificate cannot be used: {reason}.',
    hint: 'Give --tls-certificate and --tls-key as PEM files that belong together.',
  },
  CLAIM_LOST: {
    message: 'This operation is no longer yours: it has ended, or somebody else does it now.',
    hint: 'Stop working on it. What was done until now stays.',
  },
  REPOSITORY_PASSWORD_DIFFERS: {
    message: 'The repository "{name}" has another password than the one that was sent.',
    hint: 'The machine has lost its folder or somebody else has its key: revoke it, and enrol it anew.',
  },
  REPOSITORY_PASSWORD_KEPT: {
    message: 'The server does not have the password of the repository "{name}": the client keeps it.',
    hint: 'Check, search, preview, retention and test restores of it have to be done on the machine.',
  },
  OWN_PASSWORD_WRONG: {
    message: 'That is not your password.',
    hint: 'Type the password with which you sign in: this is asked again before secrets are shown.',
  },
  INTERNAL: {
    message: 'Something went wrong in the server.',
    hint: 'Its log has the details, under the number {number}.',
  },
} as const

export class ServerError extends errorClass('ServerError', serverErrors) {}
