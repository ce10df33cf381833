import type { KitWords } from './words.ts'

export const german: KitWords = {
  locale: 'de-DE',
  title: 'Notfallblatt',
  codeOf: (code) => `Code dieses Blatts: ${code}`,
  made: (date) => `Erstellt am ${date}. Was danach hinzukam oder geändert wurde, steht nicht darin.`,
  covers: (repositories, machines) =>
    `Es gilt für ${repositories === 1 ? 'ein Repository' : `${repositories} Repositories`} mit den Daten von ${machines === 1 ? 'einem Gerät' : `${machines} Geräten`}.`,
  purposeHeading: 'Wozu es da ist',
  purpose:
    'Mit diesem Blatt, irgendeinem Computer und dem freien Programm restic lassen sich alle Daten zurückholen, auch wenn jedes Gerät, der Sicherungsserver und dieses Produkt verschwunden sind.',
  keep: 'Bewahren Sie es auf wie Bargeld: gedruckt, an zwei Orten, die nicht derselbe Brand oder Einbruch trifft, und nicht auf den Geräten, um die es geht.',
  readersHeading: 'Wer die Daten lesen kann',
  readers: (readers) =>
    `Wer dieses Blatt hat${readers.length > 0 ? `, und außerdem: ${readers.join('; ')}` : ''}. Sonst niemand.`,
  eachMachine: 'jede Maschine ihre eigenen Daten',
  theServer: (origin) => `der Sicherungsserver unter ${origin}, der die Passwörter hat`,
  lost: 'Gehen dieses Blatt und der Sicherungsserver beide verloren, sind die Daten endgültig verloren. Ohne ein Passwort von diesem Blatt kann sie niemand öffnen: nicht der Hersteller des Programms, nicht der Betreiber des Speichers.',
  seen: 'Hat womöglich ein Fremder dieses Blatt gesehen: ändern Sie sofort die Passwörter der Server und Speicher und legen Sie neue Repositories an. Ein neues Passwort allein sperrt niemanden aus, der das alte und die Daten kopiert hat.',
  contact: (contact) => `Hilfe: ${contact}`,
  stepsHeading: 'Alles zurückholen',
  stepRestic: (least) =>
    `Installieren Sie restic ${least} oder neuer: von https://restic.net, oder unter Linux mit \`apt install restic\`, unter macOS mit \`brew install restic\`, unter Windows mit \`winget install restic.restic\`. \`restic version\` zeigt, welches es ist.`,
  stepType: (example) =>
    `Öffnen Sie ein Terminal (Windows: PowerShell) und wechseln Sie in einen Ordner mit genug Platz. Tippen Sie die Zeilen des Repositorys weiter unten genau so ab, wie sie dastehen; jede beginnt mit ${example}. Sie gelten, bis das Fenster geschlossen wird.`,
  stepCheck:
    'Prüfen Sie, was Sie getippt haben: für jede Zeile des Passworts erscheinen vier Zeichen. Sie müssen dieselben sein wie hinter den Zeilen des Passworts unten.',
  stepLook: 'Sehen Sie nach, was da ist:',
  stepRestore: (target) =>
    `Zurückholen: die Zeilen unter „Danach“ beim Repository bringen den neuesten Stand jedes Geräts in den Ordner „${target}“. Für einen älteren Stand schreiben Sie statt „latest“ seinen Kurznamen aus der Liste (etwa 1a2b3c4d).`,
  stepProve: 'Lassen Sie die Kopie selbst prüfen, wenn Zeit ist (dabei wird alles gelesen):',
  repository: (name) => `Repository „${name}“`,
  machines: (machines) => `Geräte: ${machines.join(', ')}`,
  noMachines: 'Noch hat kein Gerät etwas hier abgelegt.',
  ownBackup: (server) => `Der Server „${server}“ selbst`,
  ownBackupPurpose: (file) =>
    `Hieraus kommt der ganze Server zurück, mit allem von allen seinen Kunden: wer diesen Teil hat, kann alles lesen. Installieren Sie Understudy auf einem neuen Rechner, tippen Sie die Zeilen unten, schreiben Sie das Passwort in die Datei ${file} und starten Sie ihn mit der Zeile unter „Danach“.`,
  password: 'Passwort des Repositorys',
  restPassword: 'Passwort des Servers',
  secretKey: 'Geheimer Schlüssel des Speichers',
  sftpPassword: 'Passwort des Servers, nach dem ssh fragt',
  byHand:
    'Das Passwort dieses Repositorys kennt der Server nicht. Schreiben Sie es hier von Hand hin und setzen Sie es als RESTIC_PASSWORD, oder tippen Sie es, wenn restic danach fragt:',
  way: (place, of) => (of === 1 ? 'Wo es liegt' : `Wo es liegt, Weg ${place} von ${of}`),
  local: (path, disk) =>
    `der Ordner ${path}${disk === undefined ? '' : ` auf ${disk}`}; ändern Sie ihn auf den, wo Sie es finden`,
  rest: (url) => `der Sicherungsserver unter ${url}`,
  s3: (endpoint, bucket) => `der Bucket ${bucket} bei ${endpoint}`,
  sftp: (host) => `der Server ${host}, über SSH`,
  shell: 'Linux und macOS',
  powershell: 'Windows',
  afterwards: 'Danach',
  confirmHeading: 'Beweisen, dass dieses Blatt aufbewahrt wird',
  confirm: (code) =>
    `Tippen Sie den Code ${code} jetzt und dann einmal im Jahr vom Papier in die Konsole ein. Bis dahin gilt das Blatt als nicht aufbewahrt.`,
  page: (page, of) => `Seite ${page} von ${of}`,
}
