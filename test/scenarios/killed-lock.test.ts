import { test } from 'node:test'
import { killAtEach, moments } from '../helpers/killing.ts'
import type { Kill } from '../helpers/killing.ts'
import { missing } from '../helpers/peers.ts'

/** A backup is killed while its lock is made, refreshed or given back (A5 of the failure cases). */

/** The lock is refreshed every second: its clock goes a thousand times faster, and packs take their time. */
const refreshing = { speed: 1_000, slow: 1_500 }

const kills: Readonly<Record<string, readonly Kill[]>> = {
  'while the lock is made or given back': [
    ...moments('write', 'lock', [1], ['during', 'after']).map((at) => ({ at })),
    ...moments('delete', 'lock', [1], ['before', 'after']).map((at) => ({ at, reuses: true })),
  ],
  'while the lock is refreshed': [
    ...moments('write', 'lock', [2], ['during', 'after']),
    ...moments('delete', 'lock', [1], ['after']),
  ].map((at) => ({ at, order: refreshing })),
}

for (const [name, list] of Object.entries(kills)) {
  test(`a backup that is killed ${name} harms nothing, and the next one works`, { skip: missing('restic') }, () =>
    killAtEach(list),
  )
}
