import { dictionary } from '../../words/dictionary.ts'

export const attackWords = dictionary(
  {
    about: 'Something is wrong',
    calm: 'Have you been attacked, or might you have been?',
    calmLead:
      'If you are not sure, say it: it stops nothing that you need, and is taken back as easily as it was wrong.',
    attacked: (clients: string) => `${clients} may have been attacked.`,
    button: (client: string) => `${client} may have been attacked`,
    sure: 'What happens when you press it',
    stops: 'Nothing of it is removed any more: no thinning out, no purge, no deleting, whoever asks for it.',
    goesOn: 'Backups go on. What comes from now on is marked, so that it is not taken for clean later.',
    back: 'Getting back goes on, too. It takes two people, or a delay, to say that it is over.',
    steps: 'First steps, in this order',
    step1:
      'Pull the network cables of machines that behave oddly. Leave them switched on: what is in their memory may show how it came in.',
    step2: 'Change no file and run no cleaner. Take photographs of what is on the screens.',
    step3: 'Call whoever helps you with such things: the telephone number is on your recovery kit.',
    step4: 'Find out when it began: look for the first files that were renamed or changed, in "Get something back".',
    step5: 'Bring back to clean machines only, from a recovery point of before that time.',
    since: 'since',
    toBack: 'Look for what changed lately',
    over: 'Say that it is over',
    overWaits: 'It was asked for, and waits for a second person or a delay:',
    isOver: 'It is over.',
    notYours: 'Your role does not let you say it. Call an owner, now.',
  },
  {
    about: 'Etwas stimmt nicht',
    calm: 'Wurden Sie angegriffen, oder könnte es sein?',
    calmLead: 'Wenn Sie unsicher sind, sagen Sie es: Es hält nichts an, was Sie brauchen, und lässt sich zurücknehmen.',
    attacked: (clients) => `${clients} wurde vielleicht angegriffen.`,
    button: (client) => `${client} wurde vielleicht angegriffen`,
    sure: 'Was geschieht, wenn Sie drücken',
    stops: 'Nichts davon wird mehr entfernt: kein Ausdünnen, kein Aufräumen, kein Löschen, wer es auch verlangt.',
    goesOn: 'Gesichert wird weiter. Was ab jetzt kommt, wird markiert, damit es später niemand für sauber hält.',
    back: 'Auch Zurückholen geht weiter. Zu sagen, dass es vorbei ist, braucht zwei Personen oder eine Frist.',
    steps: 'Die ersten Schritte, in dieser Reihenfolge',
    step1:
      'Ziehen Sie die Netzwerkkabel von Geräten, die sich seltsam verhalten. Lassen Sie sie an: Ihr Speicher kann zeigen, wie es hereinkam.',
    step2: 'Ändern Sie keine Datei, starten Sie keinen Reiniger. Fotografieren Sie, was auf den Bildschirmen steht.',
    step3: 'Rufen Sie an, wer Ihnen bei so etwas hilft: Die Nummer steht auf Ihrer Notfallmappe.',
    step4:
      'Finden Sie heraus, wann es begann: Suchen Sie in „Etwas zurückholen“ die ersten umbenannten oder geänderten Dateien.',
    step5: 'Holen Sie nur auf saubere Geräte zurück, von einem Wiederherstellungspunkt vor dieser Zeit.',
    since: 'seit',
    toBack: 'Nachsehen, was sich zuletzt geändert hat',
    over: 'Sagen, dass es vorbei ist',
    overWaits: 'Es ist verlangt und wartet auf eine zweite Person oder eine Frist:',
    isOver: 'Es ist vorbei.',
    notYours: 'Mit Ihrer Rolle können Sie es nicht sagen. Rufen Sie jetzt jemanden mit der Rolle „Inhaber“ an.',
  },
)
