import { dictionary } from '../../words/dictionary.ts'

export const signInWords = dictionary(
  {
    title: 'Sign in',
    email: 'E-mail address',
    password: 'Password',
    signIn: 'Sign in',
    code: 'Code of your authenticator app',
    codeTitle: 'And your second factor',
    recoveryCode: 'Recovery code',
    useRecoveryCode: 'The telephone is not at hand: use a recovery code',
    useCode: 'Use the authenticator app',
    passkey: 'Sign in with a passkey',
    passkeyRefused: 'The browser gave no passkey. Sign in with your password.',
    firstTime:
      'Here for the first time? Open the link that the server printed when it started, or the one you were sent.',
    proveTitle: 'Show once more that it is you',
    proveWhy:
      'This takes away something that cannot be had again, or shows a key. An open screen is not enough for it.',
    prove: 'Go on',
  },
  {
    title: 'Anmelden',
    email: 'E-Mail-Adresse',
    password: 'Passwort',
    signIn: 'Anmelden',
    code: 'Code Ihrer Authenticator-App',
    codeTitle: 'Und Ihr zweiter Faktor',
    recoveryCode: 'Wiederherstellungscode',
    useRecoveryCode: 'Das Telefon ist nicht da: einen Wiederherstellungscode nehmen',
    useCode: 'Die Authenticator-App nehmen',
    passkey: 'Mit Passkey anmelden',
    passkeyRefused: 'Der Browser gab keinen Passkey her. Melden Sie sich mit Ihrem Passwort an.',
    firstTime:
      'Zum ersten Mal hier? Öffnen Sie den Link, den der Server beim Start ausgegeben hat, oder den, der Ihnen geschickt wurde.',
    proveTitle: 'Zeigen Sie noch einmal, dass Sie es sind',
    proveWhy:
      'Das nimmt etwas weg, was nicht wiederkommt, oder zeigt einen Schlüssel. Ein offener Bildschirm genügt dafür nicht.',
    prove: 'Weiter',
  },
)
