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
    hint: 'To enrol it elsewhere, remove {folder} first; its backups stay where they are.',
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
} as const

export class AgentError extends errorClass('AgentError', agentErrors) {}
