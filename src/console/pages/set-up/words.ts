import { dictionary } from '../../words/dictionary.ts'

export const setUpWords = dictionary(
  {
    title: 'Set up your account',
    lead: 'The link that brought you here works once. What you type now is how you sign in from then on.',
    name: 'Your name',
    email: 'E-mail address',
    password: 'Password',
    passwordHint: 'At least 12 characters. Three words that have nothing to do with each other are good.',
    setUp: 'Set up',
    noToken: 'The link is not whole.',
    noTokenHint: 'Open it as the server printed it, or as it stands in the mail, up to its last letter.',
  },
  {
    title: 'Ihr Konto einrichten',
    lead: 'Der Link, der Sie herbrachte, gilt einmal. Mit dem, was Sie jetzt eingeben, melden Sie sich künftig an.',
    name: 'Ihr Name',
    email: 'E-Mail-Adresse',
    password: 'Passwort',
    passwordHint: 'Mindestens 12 Zeichen. Drei Wörter, die nichts miteinander zu tun haben, sind gut.',
    setUp: 'Einrichten',
    noToken: 'Der Link ist nicht vollständig.',
    noTokenHint:
      'Öffnen Sie ihn so, wie der Server ihn ausgegeben hat oder wie er in der Mail steht, bis zum letzten Zeichen.',
  },
)
