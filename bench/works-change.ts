import { nextBackups } from './entrants.ts'
import { addReadings, listBelow } from './floor.ts'
import type { Work } from './work.ts'
import { faster, usualMemory } from './work.ts'

/** Backups of data in which little has changed since the last one: in each round something else, the same for all. */

let changed: readonly string[] = []

export const onePercentWork: Work = {
  name: 'changed-small',
  title: 'Backup, 1 % of 54,000 files changed',
  data: 'small',
  targets: [faster('restic', 3), faster('borg', 3), usualMemory],
  beforeRound: (bench, round) => {
    changed = bench.data.changeOnePercent(round)
  },
  entrants: (bench) => [
    ...nextBackups(bench, 'small', 'without lz4'),
    {
      name: 'floor',
      run: async () => {
        const looking = await bench.floor.look(listBelow([bench.data.folder('small')], 'folders'))
        return addReadings(looking, await bench.floor.store(changed))
      },
    },
  ],
  finish: (bench) => bench.forgetBackups(),
}

export const hugeWork: Work = {
  name: 'changed-huge',
  title: 'Backup, 64 KiB changed in a file of 10 GiB',
  data: 'huge',
  targets: [faster('restic', 2), faster('borg', 2), usualMemory],
  beforeRound: (bench, round) => bench.data.changePart(round),
  entrants: (bench) => [
    ...nextBackups(bench, 'huge', 'without lz4'),
    { name: 'floor', run: () => bench.floor.digest(listBelow([bench.data.folder('huge')], 'files')) },
  ],
  finish: (bench) => bench.forgetBackups(),
}
