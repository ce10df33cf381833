import { dictionary, inEnglish, inGerman } from '../../words/dictionary.ts'

export const homeWords = dictionary(
  {
    about: 'Is everything saved, and does it come back?',
    nothing: 'Nothing is protected yet.',
    nothingLead: 'Name the first machine, and its data is looked for, backed up and tried, without your doing more.',
    allGood: (count: number) =>
      count === 1
        ? 'Yes. The one machine is saved, and it was tried that it comes back.'
        : `Yes. All ${inEnglish(count)} machines are saved, and it was tried that they come back.`,
    no: 'No.',
    notQuite: 'Not quite.',
    notProven: 'Not known yet.',
    someGood: (good: number, all: number) => `${inEnglish(good)} of ${inEnglish(all)} machines are saved and proven.`,
    noneGood: 'Your machine is not yet saved and proven.',
    leadBad: (count: number) =>
      count === 1 ? 'One machine needs you now.' : `${inEnglish(count)} machines need you now.`,
    leadLook: (count: number) =>
      count === 1 ? 'One machine is to be looked at.' : `${inEnglish(count)} machines are to be looked at.`,
    leadUnknown: (count: number) =>
      count === 1 ? 'Of one machine it is not known yet.' : `Of ${inEnglish(count)} machines it is not known yet.`,
    machines: 'Machines',
    clients: 'Clients',
    machine: 'Machine',
    client: 'Client',
    newest: 'Newest copy',
    proven: 'Last tried',
    kept: 'Kept',
    answer: 'Answer',
    goodOf: 'Saved and proven',
    waiting: 'Waits for your yes',
    noPolicy: 'Nothing is backed up',
    noBackup: 'No copy yet',
    oldBackup: 'Newest copy is old',
    neverProven: 'Saved, never tried',
    oldProof: 'Saved, tried long ago',
    good: 'Saved and proven',
    noMachines: 'No machine yet',
    attacked: 'May have been attacked',
    nextAttacked: (client: string) => `${client} may have been attacked`,
    nextAttackedWhy: 'Nothing of it is removed until two people say that it is over. Backups go on, and are marked.',
    nextFirst: 'Do this next · about 5 minutes',
    nextFirstWhy:
      'Type one line on the machine that holds what you cannot lose. Its agent looks what is on it, and proposes what to back up.',
    nextFirstDo: 'Add a machine',
    nextApprove: (name: string) => `${name} waits for your yes · a moment`,
    nextApproveWhy: 'It used an enrolment line of yours, and may do nothing until you say that you know it.',
    nextApproveDo: 'I know it: let it work',
    nextPolicy: (name: string) => `Nothing of ${name} is backed up · 2 minutes`,
    nextPolicyWhy: 'It is known, but follows no backup policy. What its agent proposes can be taken over as it is.',
    nextPolicyDo: 'Look what is on it',
    nextBackup: (name: string) => `The first copy of ${name} is still to come`,
    nextBackupWhy: 'It starts by itself, or now, if you say so.',
    nextBackupDo: 'Look how far it is',
    nextProve: (name: string) => `Try whether ${name} comes back · a minute`,
    nextProveWhy:
      'A copy that was never tried is a hope. A random sample is restored now, compared byte by byte, timed and removed again.',
    nextProveDo: 'Try it now',
    nextProveRuns: 'It is being tried; the answer comes by itself.',
    nextFactor: 'Make your sign-in safe · 2 minutes',
    nextFactorWhy:
      'Who learns your password can read all backups. With a second factor the password alone opens nothing.',
    nextFactorDo: 'Set up a second factor',
    nextAlertDo: 'Look at it',
  },
  {
    about: 'Ist alles gesichert, und kommt es zurück?',
    nothing: 'Noch ist nichts geschützt.',
    nothingLead:
      'Nennen Sie das erste Gerät: Seine Daten werden gesucht, gesichert und erprobt, ohne dass Sie mehr tun.',
    allGood: (count) =>
      count === 1
        ? 'Ja. Das eine Gerät ist gesichert, und es ist erprobt, dass es zurückkommt.'
        : `Ja. Alle ${inGerman(count)} Geräte sind gesichert, und es ist erprobt, dass sie zurückkommen.`,
    no: 'Nein.',
    notQuite: 'Nicht ganz.',
    notProven: 'Noch nicht bekannt.',
    someGood: (good, all) => `${inGerman(good)} von ${inGerman(all)} Geräten sind gesichert und erprobt.`,
    noneGood: 'Ihr Gerät ist noch nicht gesichert und erprobt.',
    leadBad: (count) =>
      count === 1 ? 'Ein Gerät braucht Sie jetzt.' : `${inGerman(count)} Geräte brauchen Sie jetzt.`,
    leadLook: (count) =>
      count === 1 ? 'Ein Gerät sollte angesehen werden.' : `${inGerman(count)} Geräte sollten angesehen werden.`,
    leadUnknown: (count) =>
      count === 1
        ? 'Von einem Gerät ist es noch nicht bekannt.'
        : `Von ${inGerman(count)} Geräten ist es noch nicht bekannt.`,
    machines: 'Geräte',
    clients: 'Kunden',
    machine: 'Gerät',
    client: 'Kunde',
    newest: 'Neueste Kopie',
    proven: 'Zuletzt erprobt',
    kept: 'Belegt',
    answer: 'Antwort',
    goodOf: 'Gesichert und erprobt',
    waiting: 'Wartet auf Ihr Ja',
    noPolicy: 'Nichts wird gesichert',
    noBackup: 'Noch keine Kopie',
    oldBackup: 'Neueste Kopie ist alt',
    neverProven: 'Gesichert, nie erprobt',
    oldProof: 'Gesichert, lange nicht erprobt',
    good: 'Gesichert und erprobt',
    noMachines: 'Noch kein Gerät',
    attacked: 'Vielleicht angegriffen',
    nextAttacked: (client) => `${client} wurde vielleicht angegriffen`,
    nextAttackedWhy:
      'Nichts davon wird gelöscht, bis zwei Personen sagen, dass es vorbei ist. Gesichert wird weiter, und es wird markiert.',
    nextFirst: 'Als Nächstes · etwa 5 Minuten',
    nextFirstWhy:
      'Geben Sie eine Zeile auf dem Gerät ein, auf dem das liegt, was Sie nicht verlieren dürfen. Sein Agent sieht nach und schlägt vor, was zu sichern ist.',
    nextFirstDo: 'Ein Gerät hinzufügen',
    nextApprove: (name) => `${name} wartet auf Ihr Ja · ein Augenblick`,
    nextApproveWhy: 'Es hat eine Ihrer Anmeldezeilen benutzt und darf nichts, bis Sie sagen, dass Sie es kennen.',
    nextApproveDo: 'Ich kenne es: Es darf arbeiten',
    nextPolicy: (name) => `Nichts von ${name} wird gesichert · 2 Minuten`,
    nextPolicyWhy:
      'Es ist bekannt, folgt aber keiner Sicherungsregel. Was sein Agent vorschlägt, lässt sich so übernehmen.',
    nextPolicyDo: 'Ansehen, was darauf ist',
    nextBackup: (name) => `Die erste Kopie von ${name} steht noch aus`,
    nextBackupWhy: 'Sie beginnt von selbst, oder jetzt, wenn Sie es sagen.',
    nextBackupDo: 'Ansehen, wie weit sie ist',
    nextProve: (name) => `Probieren, ob ${name} zurückkommt · eine Minute`,
    nextProveWhy:
      'Eine Kopie, die nie erprobt wurde, ist eine Hoffnung. Eine zufällige Auswahl wird jetzt zurückgeholt, Byte für Byte verglichen, gestoppt und wieder entfernt.',
    nextProveDo: 'Jetzt probieren',
    nextProveRuns: 'Es wird erprobt; die Antwort kommt von selbst.',
    nextFactor: 'Ihre Anmeldung sicher machen · 2 Minuten',
    nextFactorWhy:
      'Wer Ihr Passwort erfährt, kann alle Sicherungen lesen. Mit einem zweiten Faktor öffnet das Passwort allein nichts.',
    nextFactorDo: 'Zweiten Faktor einrichten',
    nextAlertDo: 'Ansehen',
  },
)
