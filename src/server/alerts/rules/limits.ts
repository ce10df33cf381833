/** From when on something is worth a message. One table, so that a person can see and question all of it. */
import { day, hour, minute } from '../units.ts'
import type { MachineKind } from '../view.ts'

/** How long a machine may be silent. People take laptops home and switch PCs off over a weekend. */
export const unseenLimits: Readonly<Record<MachineKind, number>> = {
  server: 15 * minute,
  appliance: day,
  pc: 4 * day,
  laptop: 8 * day,
}

export const limits = {
  /** How long it is told that an account was handed to somebody by a link. */
  accountReset: 3 * day,
  /** Times the interval without a good run; and, where only the interval is known, without any. */
  missedAfter: 2,
  missedCriticallyAfter: 4,
  /** How late a planned run may begin; and how many in a row are left out when it becomes critical. */
  missedGrace: hour,
  missedCriticallyRuns: 4,
  /** After the server itself was away, machines have this long to say what happened meanwhile. */
  lookAgain: 15 * minute,
  /** A PC that was switched off has this long after it comes back, to begin what it missed. */
  catchUp: 30 * minute,
  /** A run of less than this share of the usual is suspicious; below the second, alarming. */
  small: 0.5,
  verySmall: 0.1,
  /** Good runs that make up "the usual", and how many there must be. */
  usualRuns: 9,
  usualRunsAtLeast: 3,
  rateWindow: 14 * day,
  rateRunsAtLeast: 10,
  rate: 0.9,
  rateCritical: 0.5,
  /** A proof is late after this many intervals, and very late after the second. */
  proofLate: 1.25,
  proofVeryLate: 3,
  full: { warning: { within: 30 * day, share: 0.1 }, critical: { within: 4 * day, share: 0.03 } },
  /** Kopia and restic's lock rules bear five minutes; what deletes by time must not run with more. */
  clock: 5 * minute,
  storageClockCritical: hour,
  /** After the first backup there is this long to print a recovery kit and to type its code back. */
  kitGrace: 7 * day,
  /** A machine that was just approved has this long to be given a backup policy. */
  unprotectedGrace: day,
  /** How long a copy elsewhere may lack what it should have; and from when on that is bad. */
  copyLate: 6 * hour,
  copyVeryLate: 4 * day,
  /** Times the span after which somebody wishes to be reminded of rotated disks. */
  disksVeryLate: 3,
  /** The server backs itself up every three hours. */
  ownBackupLate: 12 * hour,
  ownBackupVeryLate: 3 * day,
  /** How long there is to name a place for it, and to write its password down. */
  ownBackupGrace: 7 * day,
  certificate: { warning: 30 * day, warningWhenRenewed: 14 * day, critical: 4 * day },
} as const
