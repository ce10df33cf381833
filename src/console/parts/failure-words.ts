import type { Language } from '#protocol'
import { ApiFailure } from '../api/failure.ts'

export interface FailureWords {
  readonly message: string
  readonly hint: string
  /** Stable; for who asks others about it. */
  readonly code: string
}

type Translated = Readonly<Record<string, Readonly<Record<Language, readonly [message: string, hint: string]>>>>

/** What is said often, and what the server cannot say; all else is in the server's own words. */
const words: Translated = {
  SERVER_UNREACHABLE: {
    en: ['The server does not answer.', 'Is it switched on, and are you in its network? What is shown may be old.'],
    de: ['Der Server antwortet nicht.', 'Läuft er, und sind Sie in seinem Netz? Was gezeigt wird, kann alt sein.'],
  },
  ANSWER_NOT_UNDERSTOOD: {
    en: ['The server is of another version than this page.', 'Load the page anew.'],
    de: ['Der Server hat eine andere Version als diese Seite.', 'Laden Sie die Seite neu.'],
  },
  INVALID_EMAIL_OR_PASSWORD: {
    en: ['Address or password is not right.', 'Mind capital letters, and try again.'],
    de: ['Adresse oder Passwort stimmt nicht.', 'Achten Sie auf Großschreibung und versuchen Sie es noch einmal.'],
  },
  INVALID_CODE: {
    en: ['The code is not right.', 'It changes every half minute: type the one that is shown now.'],
    de: ['Der Code stimmt nicht.', 'Er wechselt jede halbe Minute: Geben Sie den ein, der jetzt gezeigt wird.'],
  },
  TOO_MANY_REQUESTS: {
    en: ['There were too many tries.', 'Wait a while before the next one.'],
    de: ['Es waren zu viele Versuche.', 'Warten Sie eine Weile bis zum nächsten.'],
  },
  RIGHT_MISSING: {
    en: ['Your role does not allow that.', 'Ask an owner, who can give you another one.'],
    de: ['Ihre Rolle erlaubt das nicht.', 'Fragen Sie jemanden mit der Rolle „Inhaber“.'],
  },
  NOT_FOUND: {
    en: ['That is not there, or not for you to see.', 'Go back to the list it stood in.'],
    de: ['Das gibt es nicht, oder Sie dürfen es nicht sehen.', 'Gehen Sie zurück zur Liste, in der es stand.'],
  },
}

/** What is said of a failure, in one way everywhere. */
export function failureWords(thrown: unknown, language: Language): FailureWords {
  if (!(thrown instanceof ApiFailure)) {
    const [message, hint] = strange[language]
    return { message, hint, code: thrown instanceof Error ? thrown.name : 'UNEXPECTED' }
  }
  const { code, message, hint } = thrown
  const translated = words[code]?.[language]
  return translated ? { message: translated[0], hint: translated[1], code } : { message, hint, code }
}

const strange = {
  en: ['Something went wrong in this page.', 'Load it anew; if it happens again, it is a mistake of ours.'],
  de: ['In dieser Seite ging etwas schief.', 'Laden Sie sie neu; passiert es wieder, ist es unser Fehler.'],
} as const
