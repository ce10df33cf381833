import { errorClass } from '#base'

/** Why the server removes nothing from a repository that it keeps. */
export const retentionErrors = {
  DELETION_STOPPED: {
    message: 'Nothing is removed from the repository "{name}": {reason}.',
    hint: 'Backups go on. Look at what happened first; then a person may end that state.',
  },
  CLOCK_DOUBTED: {
    message: 'Nothing is removed while the server’s clock is in doubt: {reason}.',
    hint: 'Set the clock of the server, or of the machines, and see that they keep time (NTP).',
  },
  LEDGER_DISAGREES: {
    message: 'The storage of "{name}" does not hold what the server received: {what}.',
    hint: 'Nothing is removed. See who can reach that storage, and what it holds: `understudy check`.',
  },
  LEDGER_BROKEN: {
    message: 'The ledger of "{name}" was changed from outside: its entry {seq} does not fit.',
    hint: 'Nothing is removed. Somebody has written into the control database; restore it from a copy.',
  },
  NOT_SET_ASIDE: {
    message: 'Of the snapshot {snapshot} nothing is left that could be put back.',
    hint: 'What was removed can be put back for a set number of days only; look at the copies of this repository.',
  },
} as const

export class RetentionError extends errorClass('RetentionError', retentionErrors) {}
