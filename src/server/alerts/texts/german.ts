import type { Dependence, LedgerFindingKind, OwnBackupFlaw, ProofKind, Subject, Tamperer } from '../condition.ts'
import type { Texts } from './texts.ts'

const proofs: Readonly<Record<ProofKind, string>> = {
  check: 'Prüfung',
  test_restore: 'Testwiederherstellung',
  trial: 'vollständige Probewiederherstellung',
}

const plurals: Readonly<Record<Subject['type'], readonly [string, string]>> = {
  machine: ['Gerät', 'Geräte'],
  repository: ['Sicherungsablage', 'Sicherungsablagen'],
  storage: ['Speicher', 'Speicher'],
  destination: ['Ziel', 'Ziele'],
  certificate: ['Zertifikat', 'Zertifikate'],
  channel: ['Meldeweg', 'Meldewege'],
  client: ['Kunde', 'Kunden'],
  server: ['Server', 'Server'],
  person: ['Person', 'Personen'],
}

const ledger: Readonly<Record<LedgerFindingKind, string>> = {
  missing: 'Gespeicherte Wiederherstellungspunkte fehlen',
  rolled_back: 'Wiederherstellungspunkte sind älter als die gespeicherten',
  invented: 'Es gibt Wiederherstellungspunkte, die kein Gerät gemacht hat',
}

const dependences: Readonly<Record<Dependence, (on: string) => string>> = {
  machine: (on) =>
    `Jede Meldung geht über ${on} und damit über eines der Geräte, um die es geht: Fällt es aus, hören Sie nichts.`,
  server: (on) => `Jede Meldung geht über ${on}, wo Understudy selbst läuft: Fällt er aus, hören Sie nichts.`,
  own_domain: (on) =>
    `Jede Meldung geht an ${on}, wo Ihre eigenen Geräte stehen: Fallen sie aus, hören Sie vielleicht nichts.`,
  host: (on) => `Jede Meldung geht über ${on}: Solange das nicht geht, hören Sie nichts.`,
  domain: (on) => `Jede Meldung geht über ${on}: Solange das nicht geht, hören Sie nichts.`,
}

const kit = {
  none: 'Es wurde nie ein Notfallblatt gedruckt. Geht der Server verloren, sind alle Passwörter weg und mit ihnen alle Sicherungen.',
  unconfirmed:
    'Ein Notfallblatt wurde erstellt, aber niemand hat seinen Code eingetippt: ob es gedruckt und aufbewahrt ist, weiß niemand.',
  'confirm-again':
    'Seit einem Jahr hat niemand den Code des Notfallblatts eingetippt: ob es noch da ist, weiß niemand.',
  outdated: 'Seit das Notfallblatt gedruckt wurde, kam etwas hinzu oder wurde geändert, das nicht darin steht.',
}

const tampered: Readonly<Record<Tamperer, string>> = {
  writer:
    'Dort soll bleiben, was geschrieben wurde, aber die Manipulationsprobe konnte ihre Datei mit den Zugangsdaten des Servers zerstören: Wer den Server übernimmt, kann diese Kopien zerstören.',
  machine:
    'Die Manipulationsprobe konnte ihre Datei mit Zugangsdaten wie denen des Geräts zerstören: Wer das Gerät übernimmt, kann seine Sicherungen zerstören.',
}

const ownBackup: Readonly<Record<OwnBackupFlaw, { readonly sentence: string; readonly hint: string }>> = {
  'no password': {
    sentence:
      'Das Passwort der Sicherung des Servers selbst wurde noch niemandem gezeigt: Geht der Server verloren, bringt sie nichts zurück.',
    hint: 'Lassen Sie es einmal zeigen (`understudy server-backup new-password`) und schreiben Sie es auf: Es gehört zum Notfallblatt.',
  },
  'same disk': {
    sentence: 'Die Sicherung des Servers selbst liegt auf der Platte des Servers und geht mit ihm verloren.',
    hint: 'Nennen Sie einen anderen Ort dafür: `understudy server-backup change --location ORT`.',
  },
}

export const german: Texts = {
  conditions: {
    run_failed: ({ facts: { policy, lastGood, reason, times } }, say) => ({
      title: 'Sicherung fehlgeschlagen',
      sentence:
        `Die Sicherung „${say.quote(policy)}“ ist ${times > 1 ? `${say.number(times)}-mal nacheinander ` : ''}fehlgeschlagen: ${say.reason(reason)}. ` +
        (lastGood === null ? 'Es gibt noch keine gute Sicherung.' : `Die letzte gute ist von ${say.date(lastGood)}.`),
      hint: 'Beheben Sie, was die Meldung nennt, und starten Sie die Sicherung von Hand. Zur nächsten geplanten Zeit wird sie auch so wieder versucht.',
      over: 'Die Sicherung funktioniert wieder.',
    }),
    run_missed: ({ facts: { policy, lastRun, every, runningSince } }, say) => ({
      title: 'Sicherung nicht gelaufen',
      sentence:
        runningSince === null
          ? `Die Sicherung „${say.quote(policy)}“ ${lastRun === null ? 'ist noch nie gelaufen' : `lief zuletzt am ${say.date(lastRun)}`} (geplanter Abstand: ${say.span(every)}).`
          : `Die Sicherung „${say.quote(policy)}“ begann am ${say.date(runningSince)} und ist noch nicht zu Ende.`,
      hint: 'Sehen Sie nach, ob das Gerät eingeschaltet und verbunden ist und Understudy darauf läuft.',
      over: 'Die Sicherung ist wieder gelaufen.',
    }),
    machine_unseen: ({ facts: { lastSeen } }, say) => ({
      title: 'meldet sich nicht',
      sentence:
        lastSeen === null
          ? 'Es hat sich noch nie gemeldet.'
          : `Zuletzt gemeldet: ${say.date(lastSeen)}. Solange es schweigt, wird dort nichts gesichert.`,
      hint: 'Sehen Sie nach, ob es eingeschaltet und verbunden ist. Ist es mit Absicht weg, tragen Sie „abwesend bis“ ein.',
      over: 'Es meldet sich wieder.',
    }),
    machine_used_by_two: ({ facts: { agents } }, say) => ({
      title: 'ist doppelt vorhanden',
      sentence: `Mit dem Schlüssel dieses Geräts arbeiten zwei: ${say.quote(agents)}. Aufträge bekommt, wer zuerst da war; beide sichern in dasselbe Repository.`,
      hint: 'Wurde das Gerät kopiert, melden Sie die Kopie neu an: understudy agent enroll --anew ZEILE. War es niemand von Ihnen, ist der Schlüssel gestohlen: Ersetzen Sie das Gerät.',
      over: 'Nur noch eines arbeitet als dieses Gerät.',
    }),
    backup_empty: ({ facts: { policy, at } }, say) => ({
      title: 'Sicherung ist leer',
      sentence: `Die Sicherung „${say.quote(policy)}“ (${say.date(at)}) lief ohne Fehler, enthält aber nichts.`,
      hint: 'Sehen Sie nach, ob die Ordner da sind und Daten enthalten, zum Beispiel ob eine Platte angeschlossen ist. Ältere Sicherungen bleiben.',
      over: 'Die Sicherung enthält wieder Daten.',
    }),
    backup_small: ({ facts: { policy, bytes, usualBytes, files, usualFiles } }, say) => ({
      title: 'Sicherung viel kleiner als sonst',
      sentence:
        `Die Sicherung „${say.quote(policy)}“ enthält ${say.size(bytes)} in ${say.number(files)} Dateien; ` +
        `sonst sind es ${say.size(usualBytes)} in ${say.number(usualFiles)}.`,
      hint: 'Hat dort niemand aufgeräumt, suchen Sie nach einer fehlenden Platte, einem falschen Ausschluss oder gelöschten Daten. Ältere Sicherungen bleiben.',
      over: 'Die Sicherung ist wieder so groß wie sonst.',
    }),
    success_rate: ({ facts: { policy, good, runs } }, say) => ({
      title: 'Sicherung schlägt oft fehl',
      sentence: `Von den letzten ${say.number(runs)} Läufen der Sicherung „${say.quote(policy)}“ waren nur ${say.number(good)} gut.`,
      hint: 'Sehen Sie sich die Gründe an: Meist ist es eine wacklige Leitung oder ein Gerät, das zu früh ausgeschaltet wird.',
      over: 'Die Sicherung ist wieder zuverlässig.',
    }),
    proof_failed: ({ facts: { proof, reason } }, say) => ({
      title: `${proofs[proof]} fehlgeschlagen`,
      sentence: `${say.reason(reason)}. Bis eine gelingt, weiß niemand, ob sich diese Sicherung zurückholen lässt.`,
      hint: 'Sehen Sie nach, was gefunden wurde, und wiederholen Sie sie. Schlägt sie wieder fehl, machen Sie sofort eine neue Sicherung.',
      over: 'Sie ist gelungen.',
    }),
    proof_overdue: ({ facts: { proof, lastPassed, every } }, say) => ({
      title: `${proofs[proof]} überfällig`,
      sentence: `Geplanter Abstand: ${say.span(every)}. ${lastPassed === null ? 'Bisher ist keine gelungen.' : `Zuletzt gelungen: ${say.date(lastPassed)}.`}`,
      hint: 'Starten Sie sie von Hand, und sehen Sie nach, warum sie nicht zu ihrer Zeit lief.',
      over: 'Sie ist gelungen.',
    }),
    storage_filling: ({ facts: { free, capacity, fullAt } }, say) => ({
      title: 'Speicher wird voll',
      sentence:
        `${say.size(free)} von ${say.size(capacity)} sind frei` +
        (fullAt === null
          ? '.'
          : `; wächst er weiter wie jetzt, ist er am ${say.day(fullAt)} voll. Dann geht keine Sicherung mehr.`),
      hint: 'Schaffen Sie Platz, oder heben Sie weniger alte Sicherungen auf.',
      over: 'Es ist wieder genug Platz.',
    }),
    clock_wrong: ({ facts: { ahead, than } }, say) => ({
      title: 'Uhr geht falsch',
      sentence: `Sie geht gegenüber ${than === 'server' ? 'der Uhr des Servers' : 'den Uhren der Geräte'} ${say.span(Math.abs(ahead))} ${ahead > 0 ? 'vor' : 'nach'}.${than === 'server' ? '' : ' Bis sie richtig geht, wird keine alte Sicherung entfernt.'}`,
      hint: 'Schalten Sie auf beiden die automatische Zeit (NTP) ein. Wo die Uhr eines Speichers falsch geht, werden alte Sicherungen nicht aufgeräumt.',
      over: 'Die Uhr geht wieder richtig.',
    }),
    certificate_ending: ({ facts: { endsAt, ended } }, say) => ({
      title: ended ? 'Zertifikat ist abgelaufen' : 'Zertifikat läuft bald ab',
      sentence: ended
        ? `Abgelaufen: ${say.date(endsAt)}. Geräte können die Verbindung verweigern.`
        : `Es läuft ab: ${say.date(endsAt)}.`,
      hint: 'Erneuern Sie es und setzen Sie es ein. Sollte das ein Programm tun, sehen Sie nach, warum es das nicht tut.',
      over: 'Das Zertifikat ist erneuert.',
    }),
    ledger_disagrees: ({ facts: { finding, count } }, say) => ({
      title: 'Speicher wurde verändert',
      sentence: `${ledger[finding]} (${say.number(count)}). Vielleicht hat jemand den Speicher hinter Understudys Rücken verändert.`,
      hint: 'Löschen Sie nichts. Klären Sie, wer dort schreiben kann; war es niemand von Ihnen, behandeln Sie es als Angriff.',
      over: 'Speicher und Verzeichnis stimmen wieder überein.',
    }),
    retention_held: ({ facts: { reason } }, say) => ({
      title: 'ungewöhnliche Änderung, alte Sicherungen werden festgehalten',
      sentence: `Ein Lauf war anders als sonst: ${say.reason(reason)}. So sieht ein Angriff auf die Daten aus; deshalb wird keine alte Sicherung entfernt.`,
      hint: 'Klären Sie, ob das jemand mit Absicht getan hat. Wenn ja, heben Sie die Sperre auf; wenn nicht, trennen Sie das Gerät vom Netz.',
      over: 'Die Sperre ist aufgehoben.',
    }),
    server_superseded: ({ facts: { reason } }, say) => ({
      title: 'ein alter Stand dieses Servers läuft',
      sentence: `Es gibt einen neueren Stand dieses Servers: ${say.reason(reason)}. Dieser hier plant und entfernt nichts mehr; Sicherungen, die zu ihm kommen, hebt er auf.`,
      hint: 'Halten Sie diesen an, wenn der andere läuft. Soll dieser weitermachen, halten Sie den anderen an und sagen es ihm: understudy server take-over.',
      over: 'Die Geräte folgen wieder diesem Server.',
    }),
    channel_broken: ({ facts: { reason, reader } }, say) => ({
      title: 'Meldungen kommen nicht an',
      sentence: `${reader === null ? 'Die Anrufe bei der Wache außerhalb schlagen fehl' : `Meldungen an ${say.quote(reader)} können nicht zugestellt werden`}: ${say.reason(reason)}.`,
      hint: 'Berichtigen Sie die Einstellungen dieses Meldewegs und schicken Sie eine Testmeldung.',
      over: 'Meldungen kommen wieder an.',
    }),
    alerting_missing: () => ({
      title: 'niemand erfährt von Störungen',
      sentence: 'Hier ist niemand mit einem Meldeweg eingetragen: Schlägt eine Sicherung fehl, erfährt es niemand.',
      hint: 'Tragen Sie eine Person und einen Meldeweg ein, und schicken Sie eine Testmeldung.',
      over: 'Jetzt erfährt es jemand.',
    }),
    alerting_dependent: ({ facts: { on, how } }, say) => ({
      title: 'alle Meldungen hängen an einer Sache',
      sentence: dependences[how](say.quote(on)),
      hint: 'Richten Sie einen zweiten Meldeweg ein, der ohne sie auskommt, zum Beispiel auf ein Telefon.',
      over: 'Die Meldewege sind unabhängig.',
    }),
    password_kept: () => ({
      title: 'der Server hat das Passwort nicht',
      sentence:
        'Der Kunde behält das Passwort dieser Sicherungsablage für sich. Deshalb entfernt der Server keine alten Sicherungen, kann sie nicht durchsuchen, zeigen, prüfen oder kopieren, stellt nicht zur Probe wieder her, und im Notfallblatt fehlt das Passwort.',
      hint: 'Soll es so sein, stellen Sie die Meldung stumm, entfernen Sie alte Sicherungen mit dem Passwort, und sorgen Sie dafür, dass es aufgeschrieben ist. Sonst: `understudy repository give-password`.',
      over: 'Der Server hat das Passwort jetzt.',
    }),
    account_reset: ({ facts: { by, usedAt } }, say) => ({
      title: 'Konto wird über einen Link übergeben',
      sentence:
        `${say.quote(by)} hat einen Link erzeugt, über den das Passwort dieses Kontos neu gesetzt wird; ` +
        (usedAt === null ? 'noch hat ihn niemand benutzt.' : `benutzt wurde er: ${say.date(usedAt)}.`),
      hint: 'Wissen Sie nichts davon, fragen Sie am Telefon nach; wissen die anderen auch nichts, melden Sie dieses Konto und das ihre überall ab, und entfernen Sie, wem Sie nicht trauen.',
      over: 'Der Link ist nicht mehr offen oder wurde vor einigen Tagen benutzt.',
    }),
    not_protected: () => ({
      title: 'nichts wird gesichert',
      sentence: 'Das Gerät folgt keinem Sicherungsplan: Nichts davon wird gesichert.',
      hint: 'Nehmen Sie an, was sein Agent vorschlägt (`understudy machine accept-proposal`), oder geben Sie ihm einen Plan (`understudy machine follow`). Ohne unseren Agenten erzeugen Sie sein Skript (`understudy machine make-script`).',
      over: 'Es folgt einem Sicherungsplan, oder sein Skript ist erzeugt.',
    }),
    copy_behind: ({ facts: { repository, lastComplete, reason } }, say) => ({
      title: 'Kopie ist im Rückstand',
      sentence:
        (lastComplete === null
          ? `Von „${say.quote(repository)}“ gibt es dort noch keine vollständige Kopie.`
          : `Die Kopie von „${say.quote(repository)}“ war zuletzt vollständig: ${say.date(lastComplete)}; was seither gesichert wurde, ist nicht dort.`) +
        (reason === null ? '' : ` Der letzte Versuch schlug fehl: ${say.reason(reason)}.`),
      hint: 'Sehen Sie nach, ob der Ort erreichbar ist und Platz hat (`understudy destination test`), und kopieren Sie dann von Hand (`understudy destination copy`).',
      over: 'Die Kopie hat, was sie haben soll.',
    }),
    disks_overdue: ({ facts: { lastSeen } }, say) => ({
      title: 'keine Platte angeschlossen',
      sentence:
        lastSeen === null
          ? 'Noch nie war eine seiner Platten angeschlossen: Auf keiner ist eine Kopie.'
          : `Zuletzt war eine seiner Platten angeschlossen: ${say.date(lastSeen)}. So alt ist die neueste Kopie auf einer Platte.`,
      hint: 'Schließen Sie eine an. Wann Sie sie wieder mitnehmen dürfen, sagt `understudy destination show`.',
      over: 'Eine seiner Platten ist da.',
    }),
    tampering_not_refused: ({ facts: { by } }) => ({
      title: 'Kopien lassen sich zerstören',
      sentence: tampered[by],
      hint: 'Nehmen Sie dort das Recht weg, zu löschen und zu überschreiben, oder schalten Sie die Objektsperre ein, und wiederholen Sie die Probe. Verlassen Sie sich bis dahin bei einem Angriff nicht auf diese Kopien.',
      over: 'Die Manipulationsprobe wurde abgewiesen.',
    }),
    approval_waits: ({ facts: { what, by, happensAt } }, say) => ({
      title: 'etwas wartet, das Sicherungen entfernt',
      sentence:
        `${by === null ? 'Der Server' : say.quote(by)} beantragt: „${say.quote(what)}“. ` +
        (happensAt === null
          ? 'Es wartet auf das Ja einer anderen Person.'
          : `Es geschieht von selbst: ${say.date(happensAt)}, wenn es niemand zurückzieht.`),
      hint: 'Soll das nicht sein, ziehen Sie es sofort zurück: understudy approval withdraw. Hat es niemand von Ihnen beantragt, wurde ein Konto gestohlen: Melden Sie einen möglichen Angriff.',
      over: 'Es ist entschieden oder vorbei.',
    }),
    client_attacked: () => ({
      title: 'wurde vielleicht angegriffen',
      sentence:
        'Jemand hat gemeldet, dass dieser Kunde vielleicht angegriffen wurde: Nichts von ihm wird entfernt; gesichert wird weiter, als verdächtig markiert.',
      hint: 'Klären Sie, was geschehen ist. Ist alles wieder gut, beantragen Sie das Ende dieses Zustands: Es braucht eine zweite Person oder eine Frist.',
      over: 'Der Zustand ist beendet.',
    }),
    own_backup_late: ({ facts: { lastComplete, reason } }, say) => ({
      title: 'Sicherung des Servers selbst ist überfällig',
      sentence:
        `Geplant ist sie alle drei Stunden; ${lastComplete === null ? 'bisher war keine vollständig' : `zuletzt vollständig: ${say.date(lastComplete)}`}.` +
        (reason === null ? '' : ` Der letzte Versuch schlug fehl: ${say.reason(reason)}.`),
      hint: 'Sehen Sie nach, ob ihr Ort da ist und Platz hat (`understudy server-backup show`), und starten Sie sie dann von Hand (`understudy server-backup run`).',
      over: 'Der Server hat sich wieder gesichert.',
    }),
    own_backup_unusable: ({ facts: { why } }) => ({
      title: 'Sicherung des Servers selbst hilft noch nicht',
      ...ownBackup[why],
      over: 'Das ist behoben.',
    }),
    outside_watch_missing: () => ({
      title: 'niemand wacht über den Wächter',
      sentence: 'Bleibt dieser Server selbst stehen, kommt keine Meldung: Außerhalb würde es niemand merken.',
      hint: 'Richten Sie die Wache außerhalb ein: eine Adresse, die Alarm schlägt, wenn die Anrufe dieses Servers ausbleiben.',
      over: 'Eine Wache außerhalb ist eingerichtet.',
    }),
    kit_not_stored: ({ facts: { state } }) => ({
      title: state === 'confirm-again' ? 'Notfallblatt ist neu zu bestätigen' : 'Notfallblatt ist nicht aufbewahrt',
      sentence: kit[state],
      hint: 'Drucken Sie es (`understudy kit make`), bewahren Sie es an zwei Orten auf und tippen Sie seinen Code vom Papier ein (`understudy kit confirm`).',
      over: 'Das Notfallblatt gilt als aufbewahrt.',
    }),
  },
  severities: { critical: 'Dringend', warning: 'Warnung', notice: 'Hinweis' },
  label: (event, severity) =>
    ({
      new: severity,
      open: severity,
      again: `${severity}, wieder da`,
      escalated: `${severity}, noch keine Antwort`,
      worse: `${severity}, schlimmer geworden`,
      reminder: `${severity}, Erinnerung`,
      resolved: 'Vorbei',
      unwatched: 'Nicht mehr beobachtet',
    })[event],
  count: (type, count, say) => `${say.number(count)} ${plurals[type][count === 1 ? 0 : 1]}`,
  since: (date) => `Seit ${date}.`,
  whatToDo: 'Was tun:',
  comesAndGoes: 'Das kommt und geht. Dass es vorbei ist, hören Sie, wenn längere Zeit Ruhe war.',
  notWatched: 'Es wurde entfernt, angehalten oder auf „abwesend“ gestellt. Das heißt nicht, dass es behoben ist.',
  among: (names, others, say) => (others > 0 ? `${names} und ${say.number(others)} weitere.` : `${names}.`),
  sameReason: (reason) => `Alle aus demselben Grund: ${reason}.`,
  andMore: (count, say) => `und ${say.number(count)} weitere`,
  digest: {
    subject: (open, say) => (open === 0 ? 'Überblick: nichts offen' : `Überblick: ${say.number(open)} offen`),
    lead: (machines, open, say) =>
      `${say.number(machines)} ${machines === 1 ? 'Gerät wird' : 'Geräte werden'} beobachtet. ` +
      (open === 0 ? 'Es gibt nichts zu tun.' : `Offen: ${say.number(open)}.`),
  },
  test: {
    subject: 'Testmeldung',
    lead: (name) =>
      `Guten Tag ${name}, dies ist ein Test. Wenn Sie das lesen, erreichen Meldungen Sie hier. Es gibt nichts zu tun.`,
  },
  footer: (server, at) => `Understudy auf ${server}, ${at}.`,
  answer:
    'Öffnen Sie Understudy und übernehmen Sie es dort: Dann enden die Erinnerungen, und niemand sonst wird gerufen.',
}
