import { errorClass } from '#base'

/** What keeps a recovery kit from being made. */
export const kitErrors = {
  KIT_INVALID: {
    message: 'The recovery kit of {client} cannot be made: {reason}.',
    hint: 'Correct what is named, and make the kit again.',
  },
  KIT_SECRET_UNPRINTABLE: {
    message: 'The {what} of {repository} has characters in it that nobody could type from paper.',
    hint: 'Give the repository a further key with a password of letters and digits (`understudy key add`), and make the kit with that.',
  },
} as const

export class KitError extends errorClass('KitError', kitErrors) {}
