import { errorClass } from '#base'

/** What can go wrong with the agent of a machine. */
export const agentErrors = {
  ENROLMENT_LINE_MALFORMED: {
    message: 'This is no enrolment line.',
    hint: 'Copy the whole line that the server shows: https://…/#….',
  },
  SERVER_UNREACHABLE: {
    message: 'The server at {origin} cannot be reached: {reason}.',
    hint: 'See that it runs, and that this machine may call it at that address. Backups go on by their schedule meanwhile.',
  },
  SERVER_NOT_KNOWN: {
    message: 'Whoever answers at {origin} is not the server of the enrolment line: its certificate is another one.',
    hint: 'If the server was set up anew, enrol this machine again. If not, somebody stands between: find out who.',
  },
  SERVER_REFUSED: {
    message: 'The server refused: {reason} ({serverCode})',
    hint: '{serverHint}',
  },
  VERSIONS_DIFFER: {
    message: 'Server and agent are of versions that do not understand each other. {reason}',
    hint: '{serverHint}',
  },
  AGENT_NOT_ENROLLED: {
    message: 'This machine is not enrolled: there is nothing in {folder}.',
    hint: 'Enrol it with `understudy agent enroll LINE`.',
  },
  AGENT_ALREADY_ENROLLED: {
    message: 'This machine is enrolled at {origin} already.',
    hint: 'To enrol it elsewhere, or as another machine, say so: `understudy agent enroll --anew LINE`. Its backups stay where they are.',
  },
  SERVER_SUPERSEDED: {
    message:
      'The server at {origin} is an older state of itself (epoch {epoch}; this machine has seen {seen}): this machine does not follow it.',
    hint: 'Stop it, if another one runs in its place. If this one is to go on: `understudy server take-over`. Backups go on by their schedule meanwhile.',
  },
  MACHINE_DIFFERS: {
    message:
      'This is not the machine that was enrolled at {origin}: it is a copy of that one, or it has other hardware now.',
    hint: 'Of a copy, make a machine of its own: `understudy agent enroll --anew LINE`. If it is the same one with other hardware, take the line that `understudy machine replace` shows: then its history goes on.',
  },
  REPOSITORY_NOT_MADE: {
    message: 'The machine could not make its repository on the server: {reason}',
    hint: 'It tries again by itself.',
  },
  REPOSITORY_PASSWORD_UNKNOWN: {
    message: 'The repository of the machine whose place this one takes has a password that the server does not have.',
    hint: 'Give it, from the recovery kit, in a file: `understudy agent password FILE`.',
  },
  AGENT_STATE_DAMAGED: {
    message: 'The file {path} of the agent cannot be read: {reason}.',
    hint: 'Bring it back from a copy, or remove the folder and enrol the machine again.',
  },
  FIRST_COPY_TOO_EARLY: {
    message: 'The machine cannot make its first copy yet: {reason}.',
    hint: 'Approve it at the server, give it a backup policy, and let `understudy agent run` say once that it has its repository.',
  },
  FIRST_COPY_PLACE: {
    message: 'The first copy cannot be written to {folder}: {reason}.',
    hint: 'Mount an empty disk with enough room, and name a folder on it that is there.',
  },
  FIRST_COPY_NOT_MADE: {
    message: 'The first copy was not finished: {reason}',
    hint: 'Mend that, and give the same command again: what is on the disk already is not written twice.',
  },
} as const

export class AgentError extends errorClass('AgentError', agentErrors) {}
