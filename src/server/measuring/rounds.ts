import type { Round } from '../work/round.ts'
import { measureDisks } from './measure-disks.ts'

const minute = 60_000

/** Noting how large things are; how large repositories are is noted when they are held against their ledger. */
export const measuringRounds: readonly Round[] = [
  { name: 'note how full the disks are', every: 30 * minute, run: measureDisks },
]
