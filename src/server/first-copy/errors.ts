import { errorClass } from '#base'

/** What can go wrong with a first copy that came by disk. */
export const firstCopyErrors = {
  FIRST_COPY_NOT_THERE: {
    message: 'There is no first copy at {folder} of the server "{node}": {reason}.',
    hint: 'Mount the disk at the server, and name the folder that was given to `understudy agent first-copy`.',
  },
  FIRST_COPY_UNFINISHED: {
    message: 'The first copy at {folder} was not finished on its machine.',
    hint: 'Plug the disk in there and give `understudy agent first-copy` again: it goes on. Nothing was taken in.',
  },
  FIRST_COPY_FOREIGN: {
    message: 'The first copy at {folder} is not one of "{machine}": {reason}.',
    hint: 'Find out whose disk it is, and name its machine. Nothing was taken in.',
  },
  FIRST_COPY_INCOMPLETE: {
    message: 'The first copy at {folder} is not complete: {reason}.',
    hint: 'Copy the folder anew from the disk that the machine wrote, or make it again there. Nothing was taken in.',
  },
  FIRST_COPY_DAMAGED: {
    message: 'The first copy at {folder} is damaged: {reason}.',
    hint: 'What was taken in is sound and stays, and counts as a backup only when all of it is there. Make the first copy again on another disk; what is here already is not taken in twice.',
  },
} as const

export class FirstCopyError extends errorClass('FirstCopyError', firstCopyErrors) {}
