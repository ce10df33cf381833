import type { Dependence, LedgerFindingKind, OwnBackupFlaw, ProofKind, Subject, Tamperer } from '../condition.ts'
import type { Texts } from './texts.ts'

const proofs: Readonly<Record<ProofKind, string>> = {
  check: 'check',
  test_restore: 'test restore',
  trial: 'trial restore',
}

const plurals: Readonly<Record<Subject['type'], readonly [string, string]>> = {
  machine: ['machine', 'machines'],
  repository: ['repository', 'repositories'],
  storage: ['storage', 'storages'],
  destination: ['destination', 'destinations'],
  certificate: ['certificate', 'certificates'],
  channel: ['channel', 'channels'],
  client: ['client', 'clients'],
  server: ['server', 'servers'],
  person: ['person', 'people'],
}

const ledger: Readonly<Record<LedgerFindingKind, string>> = {
  missing: 'that were stored are missing',
  rolled_back: 'are older than what was stored',
  invented: 'are there that no machine has made',
}

const dependences: Readonly<Record<Dependence, (on: string) => string>> = {
  machine: (on) =>
    `Every alert goes through ${on}, which is one of the machines it would report on: when that fails, you hear nothing.`,
  server: (on) => `Every alert goes through ${on}, on which Understudy itself runs: when that fails, you hear nothing.`,
  own_domain: (on) => `Every alert goes to ${on}, where your own machines are: when they fail, you may hear nothing.`,
  host: (on) => `Every alert goes through ${on}: while that does not work, you hear nothing.`,
  domain: (on) => `Every alert goes through ${on}: while that does not work, you hear nothing.`,
}

const kit = {
  none: 'No recovery kit was ever printed. If the server is lost, so are all passwords, and with them all backups.',
  unconfirmed:
    'A recovery kit was made, and nobody has typed its code back: whether it was printed and kept is not known.',
  'confirm-again':
    'For a year nobody has typed the code of the recovery kit back: whether it is still there is not known.',
  outdated: 'Something was added or changed since the recovery kit was printed, and is not in it.',
}

const tampered: Readonly<Record<Tamperer, string>> = {
  writer:
    'It is said to keep what was written there, but the tamper test destroyed its file with what the server writes with: whoever takes the server can destroy these copies.',
  machine:
    'The tamper test destroyed its file with a credential like the machine’s: whoever takes the machine can destroy its backups.',
}

const ownBackup: Readonly<Record<OwnBackupFlaw, { readonly sentence: string; readonly hint: string }>> = {
  'no password': {
    sentence:
      'Nobody was ever shown the password of the server’s own backup: if the server is lost, it brings nothing back.',
    hint: 'Have it shown once (`understudy server-backup new-password`), and write it down: it belongs to the recovery kit.',
  },
  'same disk': {
    sentence: 'The server’s own backup lies on the disk of the server, and is lost together with it.',
    hint: 'Name another place for it: `understudy server-backup change --location PLACE`.',
  },
}

export const english: Texts = {
  conditions: {
    run_failed: ({ facts: { policy, lastGood, reason, times } }, say) => ({
      title: 'backup failed',
      sentence:
        `The backup "${say.quote(policy)}" ${times > 1 ? `failed ${say.number(times)} times in a row` : 'failed'}: ${say.reason(reason)}. ` +
        (lastGood === null ? 'There is no good backup yet.' : `The last good backup is of ${say.date(lastGood)}.`),
      hint: 'Mend what the message names, then start the backup by hand. It is also tried again at its next time.',
      over: 'The backup works again.',
    }),
    run_missed: ({ facts: { policy, lastRun, every, runningSince } }, say) => ({
      title: 'backup did not run',
      sentence:
        runningSince === null
          ? `The backup "${say.quote(policy)}" is planned every ${say.span(every).replace(/^1 /, '')}, but ${lastRun === null ? 'has never run' : `last ran on ${say.date(lastRun)}`}.`
          : `The backup "${say.quote(policy)}" began on ${say.date(runningSince)} and has not ended.`,
      hint: 'See that the machine is switched on, connected, and that Understudy runs on it.',
      over: 'The backup has run again.',
    }),
    machine_unseen: ({ facts: { lastSeen } }, say) => ({
      title: 'not heard from',
      sentence:
        lastSeen === null
          ? 'It has never reported.'
          : `It last reported on ${say.date(lastSeen)}. While it is silent nothing of it is backed up.`,
      hint: 'See that it is switched on and connected. If it is away on purpose, set "away until" for it.',
      over: 'It reports again.',
    }),
    machine_used_by_two: ({ facts: { agents } }, say) => ({
      title: 'used by two',
      sentence: `Two agents work with the key of this machine: ${say.quote(agents)}. Jobs go to the one that was there first; both back up into one repository.`,
      hint: 'If the machine was copied, enrol the copy anew: understudy agent enroll --anew LINE. If nobody did, its key was stolen: replace the machine.',
      over: 'Only one agent works as this machine.',
    }),
    backup_empty: ({ facts: { policy, at } }, say) => ({
      title: 'backup is empty',
      sentence: `The backup "${say.quote(policy)}" of ${say.date(at)} ended without an error, but holds nothing.`,
      hint: 'See that its folders exist and hold data, for example that a disk is plugged in. Older backups are kept.',
      over: 'The backup holds data again.',
    }),
    backup_small: ({ facts: { policy, bytes, usualBytes, files, usualFiles } }, say) => ({
      title: 'backup much smaller than usual',
      sentence:
        `The backup "${say.quote(policy)}" holds ${say.size(bytes)} in ${say.number(files)} files; ` +
        `usual are ${say.size(usualBytes)} in ${say.number(usualFiles)}.`,
      hint: 'If nobody has cleared up there, look for a missing disk, a wrong exclusion, or deleted data. Older backups are kept.',
      over: 'The backup has its usual size again.',
    }),
    success_rate: ({ facts: { policy, good, runs } }, say) => ({
      title: 'backup often fails',
      sentence: `Of the last ${say.number(runs)} runs of the backup "${say.quote(policy)}" only ${say.number(good)} were good.`,
      hint: 'Look at the reasons of the failed runs: an unsteady line or a machine that is switched off too early are the usual ones.',
      over: 'The backup is reliable again.',
    }),
    proof_failed: ({ facts: { proof, reason } }, say) => ({
      title: `${proofs[proof]} failed`,
      sentence: `The ${proofs[proof]} failed: ${say.reason(reason)}. Until one passes, nobody knows whether this backup can be restored.`,
      hint: 'Open it to see what was found, and run it again. If it fails again, make a new backup now.',
      over: `The ${proofs[proof]} has passed.`,
    }),
    proof_overdue: ({ facts: { proof, lastPassed, every } }, say) => ({
      title: `${proofs[proof]} overdue`,
      sentence:
        `It is planned every ${say.span(every).replace(/^1 /, '')}, but ` +
        (lastPassed === null ? 'none has passed yet.' : `the last one passed on ${say.date(lastPassed)}.`),
      hint: 'Start it by hand, and see why it did not run at its time.',
      over: `The ${proofs[proof]} has passed.`,
    }),
    storage_filling: ({ facts: { free, capacity, fullAt } }, say) => ({
      title: 'storage is filling up',
      sentence:
        `${say.size(free)} of ${say.size(capacity)} are free` +
        (fullAt === null
          ? '.'
          : `; as it grows now, it will be full on ${say.day(fullAt)}. Then no backup works any more.`),
      hint: 'Add space, or keep fewer old backups.',
      over: 'There is enough room again.',
    }),
    clock_wrong: ({ facts: { ahead, than } }, say) => ({
      title: 'clock is wrong',
      sentence: `Its clock is ${say.span(Math.abs(ahead))} ${ahead > 0 ? 'ahead of' : 'behind'} ${than === 'server' ? "the server's" : 'those of the machines. Until it is right, no old backup is removed'}.`,
      hint: 'Switch on automatic time (NTP) on both. Old backups are not tidied up where the clock of a storage is wrong.',
      over: 'Its clock is right again.',
    }),
    certificate_ending: ({ facts: { endsAt, ended } }, say) => ({
      title: ended ? 'certificate has ended' : 'certificate is about to end',
      sentence: ended
        ? `It ended on ${say.date(endsAt)}: machines may refuse to connect.`
        : `It ends on ${say.date(endsAt)}.`,
      hint: 'Renew it and put it in place. If a program should do that, see why it does not.',
      over: 'The certificate has been renewed.',
    }),
    ledger_disagrees: ({ facts: { finding, count } }, say) => ({
      title: 'storage is not as it was left',
      sentence: `${say.number(count)} recovery points ${ledger[finding]}. Somebody may have changed the storage behind Understudy's back.`,
      hint: 'Delete nothing. Find out who could write there; if nobody of you did, treat it as an attack.',
      over: 'Storage and ledger agree again.',
    }),
    retention_held: ({ facts: { reason } }, say) => ({
      title: 'unusual change, old backups are held',
      sentence: `A run was not like the others: ${say.reason(reason)}. That is what an attack on the data looks like, so no old backup is removed.`,
      hint: 'Find out whether somebody did this on purpose. If so, release the hold; if not, disconnect the machine.',
      over: 'The hold has been released.',
    }),
    server_superseded: ({ facts: { reason } }, say) => ({
      title: 'an old state of this server runs',
      sentence: `There is a later state of this server: ${say.reason(reason)}. This one plans nothing and removes nothing any more; backups that come to it are kept.`,
      hint: 'Stop this one, if the other runs. If this one is to go on, stop the other, and say so: understudy server take-over.',
      over: 'Machines follow this server again.',
    }),
    channel_broken: ({ facts: { reason, reader } }, say) => ({
      title: 'messages do not arrive',
      sentence: `${reader === null ? 'The calls to the outside watch fail' : `Messages to ${say.quote(reader)} cannot be delivered`}: ${say.reason(reason)}.`,
      hint: 'Correct the settings of this channel and send a test message.',
      over: 'Messages arrive again.',
    }),
    alerting_missing: () => ({
      title: 'nobody is told of trouble',
      sentence: 'No person with a channel is set up here: when a backup fails, nobody hears of it.',
      hint: 'Add a person and a channel, and send a test message.',
      over: 'Somebody is told now.',
    }),
    alerting_dependent: ({ facts: { on, how } }, say) => ({
      title: 'all alerts depend on one thing',
      sentence: dependences[how](say.quote(on)),
      hint: 'Add a second channel that does not need it, for example a message to a telephone.',
      over: 'The alerts have independent ways.',
    }),
    password_kept: () => ({
      title: 'the server does not have the password',
      sentence:
        'The client keeps the password of this repository. So the server removes no old backups of it, cannot search, show, check or copy it, makes no test restore of its own, and its recovery kit has a blank.',
      hint: 'If that is meant to be so, mute it, remove old backups by the password, and see that it is written down. If not: `understudy repository give-password`.',
      over: 'The server has the password now.',
    }),
    account_reset: ({ facts: { by, usedAt } }, say) => ({
      title: 'account is handed over by a link',
      sentence:
        `${say.quote(by)} made a link by which the password of this account is set anew; ` +
        (usedAt === null ? 'nobody has used it yet.' : `it was used on ${say.date(usedAt)}.`),
      hint: 'If you do not know of it, ask them by telephone; if they do not either, sign that account and theirs out, and remove what you do not trust.',
      over: 'The link is no longer open, or was used some days ago.',
    }),
    not_protected: () => ({
      title: 'nothing is backed up',
      sentence: 'It follows no backup policy: nothing of this machine is backed up.',
      hint: 'Take what its agent proposes (`understudy machine accept-proposal`), or give it a policy (`understudy machine follow`). Without our agent, make its script (`understudy machine make-script`).',
      over: 'It follows a backup policy, or a script was made for it.',
    }),
    copy_behind: ({ facts: { repository, lastComplete, reason } }, say) => ({
      title: 'copy is behind',
      sentence:
        (lastComplete === null
          ? `There is no complete copy of "${say.quote(repository)}" there yet.`
          : `The copy of "${say.quote(repository)}" was last complete on ${say.date(lastComplete)}; what was backed up since then is not there.`) +
        (reason === null ? '' : ` The last try failed: ${say.reason(reason)}.`),
      hint: 'See that the place is there and has room (`understudy destination test`), then copy by hand (`understudy destination copy`).',
      over: 'The copy has what it should have.',
    }),
    disks_overdue: ({ facts: { lastSeen } }, say) => ({
      title: 'no disk was plugged in',
      sentence:
        lastSeen === null
          ? 'None of its disks was ever plugged in: there is no copy on any.'
          : `None of its disks was plugged in since ${say.date(lastSeen)}: the newest copy on a disk is as old.`,
      hint: 'Plug one in. `understudy destination show` says when it may be taken away again.',
      over: 'One of its disks is there.',
    }),
    tampering_not_refused: ({ facts: { by } }) => ({
      title: 'copies can be destroyed',
      sentence: tampered[by],
      hint: 'Take away the right to delete and overwrite there, or switch on object lock, and repeat the tamper test. Until then do not count on these copies in an attack.',
      over: 'The tamper test was refused.',
    }),
    approval_waits: ({ facts: { what, by, happensAt } }, say) => ({
      title: 'something waits that removes backups',
      sentence:
        `${by === null ? 'The server' : say.quote(by)} asks to ${say.quote(what)}. ` +
        (happensAt === null
          ? 'It waits for the yes of another person.'
          : `It happens by itself on ${say.date(happensAt)}, unless somebody withdraws it.`),
      hint: 'If that is not meant to be, withdraw it at once: understudy approval withdraw. If nobody of you has asked for it, an account was stolen: say that you may have been attacked.',
      over: 'It was decided, or is over.',
    }),
    client_attacked: () => ({
      title: 'may have been attacked',
      sentence:
        'Somebody has said that this client may have been attacked: nothing of it is removed, and backups go on, marked as suspect.',
      hint: 'Find out what happened. When all is well again, ask for an end of this state: it takes a second person, or a delay.',
      over: 'This state has been ended.',
    }),
    own_backup_late: ({ facts: { lastComplete, reason } }, say) => ({
      title: 'the server’s own backup is overdue',
      sentence:
        `It is made every three hours, but ${lastComplete === null ? 'none was ever complete' : `the last complete one is of ${say.date(lastComplete)}`}.` +
        (reason === null ? '' : ` The last try failed: ${say.reason(reason)}.`),
      hint: 'See that its place is there and has room (`understudy server-backup show`), then make it by hand (`understudy server-backup run`).',
      over: 'The server has backed itself up again.',
    }),
    own_backup_unusable: ({ facts: { why } }) => ({
      title: 'the server’s own backup does not help yet',
      ...ownBackup[why],
      over: 'That is mended.',
    }),
    outside_watch_missing: () => ({
      title: 'nobody watches the watcher',
      sentence: 'If this server itself stops, no message comes: nobody outside would notice.',
      hint: 'Set up the outside watch: an address that raises the alarm when the calls of this server stay away.',
      over: 'An outside watch is set up.',
    }),
    kit_not_stored: ({ facts: { state } }) => ({
      title: state === 'confirm-again' ? 'recovery kit has to be confirmed again' : 'recovery kit is not stored',
      sentence: kit[state],
      hint: 'Print it (`understudy kit make`), keep it in two places, and type its code back from the paper (`understudy kit confirm`).',
      over: 'The recovery kit counts as stored.',
    }),
  },
  severities: { critical: 'Urgent', warning: 'Warning', notice: 'Note' },
  label: (event, severity) =>
    ({
      new: severity,
      open: severity,
      again: `${severity}, back again`,
      escalated: `${severity}, nobody has answered yet`,
      worse: `${severity}, got worse`,
      reminder: `${severity}, reminder`,
      resolved: 'Over',
      unwatched: 'No longer watched',
    })[event],
  count: (type, count, say) => `${say.number(count)} ${plurals[type][count === 1 ? 0 : 1]}`,
  since: (date) => `Since ${date}.`,
  whatToDo: 'What to do:',
  comesAndGoes: 'This comes and goes. You will be told that it is over when it has been quiet for a longer time.',
  notWatched: 'It was removed, paused or set to "away". That does not mean that it is mended.',
  among: (names, others, say) => (others > 0 ? `${names} and ${say.number(others)} more.` : `${names}.`),
  sameReason: (reason) => `All with the same reason: ${reason}.`,
  andMore: (count, say) => `and ${say.number(count)} more`,
  digest: {
    subject: (open, say) =>
      open === 0
        ? 'Summary: nothing is open'
        : `Summary: ${say.number(open)} ${open === 1 ? 'thing is' : 'things are'} open`,
    lead: (machines, open, say) =>
      `${say.number(machines)} ${machines === 1 ? 'machine is' : 'machines are'} watched. ` +
      (open === 0 ? 'Nothing needs you.' : `${say.number(open)} ${open === 1 ? 'thing is' : 'things are'} open:`),
  },
  test: {
    subject: 'Test message',
    lead: (name) => `Hello ${name}, this is a test. If you read this, alerts reach you here. There is nothing to do.`,
  },
  footer: (server, at) => `Understudy on ${server}, ${at}.`,
  answer: 'Open Understudy and take it on there: reminders then stop, and nobody else is called.',
}
