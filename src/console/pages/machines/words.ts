import { dictionary, inEnglish, inGerman } from '../../words/dictionary.ts'

export const machinesWords = dictionary(
  {
    about: 'Machines',
    headline: (covered: number, all: number) =>
      all === 1
        ? covered === 1
          ? 'The one machine has copies.'
          : 'The one machine has no copy yet.'
        : covered === all
          ? `All ${inEnglish(all)} machines have copies.`
          : `${inEnglish(covered)} of ${inEnglish(all)} machines have copies.`,
    none: 'No machine is known yet.',
    noneLead: 'A machine becomes known by one line that is typed on it. Nothing of it is opened from outside.',
    machine: 'Machine',
    kind: 'Kind',
    client: 'Client',
    seen: 'Heard',
    newest: 'Newest copy',
    points: 'Recovery points',
    kept: 'Kept',
    answer: 'Answer',
    server: 'Server',
    pc: 'PC',
    laptop: 'Laptop',
    appliance: 'Device',
    withoutAgent: 'without agent',
    away: 'away',
    add: 'Add a machine',
    addLead: 'As root on the machine, where Understudy is installed:',
    addOnce: 'The line is shown once, and holds for an hour and one machine. The machine waits for your yes then.',
    makeLine: 'Make an enrolment line',
    line: 'Enrolment line',
    ofClient: 'Client',
    ofKind: 'What is it?',
  },
  {
    about: 'Geräte',
    headline: (covered, all) =>
      all === 1
        ? covered === 1
          ? 'Von dem einen Gerät gibt es Kopien.'
          : 'Von dem einen Gerät gibt es noch keine Kopie.'
        : covered === all
          ? `Von allen ${inGerman(all)} Geräten gibt es Kopien.`
          : `Von ${inGerman(covered)} der ${inGerman(all)} Geräte gibt es Kopien.`,
    none: 'Noch ist kein Gerät bekannt.',
    noneLead:
      'Ein Gerät wird durch eine Zeile bekannt, die man auf ihm eingibt. Von außen wird nichts an ihm geöffnet.',
    machine: 'Gerät',
    kind: 'Art',
    client: 'Kunde',
    seen: 'Gehört',
    newest: 'Neueste Kopie',
    points: 'Wiederherstellungspunkte',
    kept: 'Belegt',
    answer: 'Antwort',
    server: 'Server',
    pc: 'PC',
    laptop: 'Laptop',
    appliance: 'Anlage',
    withoutAgent: 'ohne Agent',
    away: 'abwesend',
    add: 'Ein Gerät hinzufügen',
    addLead: 'Als root auf dem Gerät, auf dem Understudy installiert ist:',
    addOnce: 'Die Zeile wird einmal gezeigt und gilt eine Stunde für ein Gerät. Dann wartet das Gerät auf Ihr Ja.',
    makeLine: 'Anmeldezeile machen',
    line: 'Anmeldezeile',
    ofClient: 'Kunde',
    ofKind: 'Was ist es?',
  },
)
