import { checks, copying, fetchFloor, firstBackups, lookFloor, nextBackups, restores, storeFloor } from './entrants.ts'
import type { DataSetName } from './data-sets.ts'
import { listBelow } from './floor.ts'
import type { Target } from './figures.ts'
import type { Work } from './work.ts'
import { faster, millionMemory, notLarger, usualMemory, within } from './work.ts'
import { hugeWork, onePercentWork } from './works-change.ts'
import { hugeIndexWorks } from './works-huge-index.ts'
import { pruneWork } from './works-prune.ts'

const smallWorks: readonly Work[] = [
  {
    name: 'cold-small',
    title: 'First backup, 54,000 files of 1.7 GB',
    data: 'small',
    targets: [faster('restic', 2), faster('borg', 2.5), within('floor', 1.3), notLarger, usualMemory],
    entrants: (bench) => [
      ...firstBackups(bench, 'small', [bench.data.folder('small')], 'all'),
      storeFloor(bench, [bench.data.folder('small')]),
      copying(bench, 'small', { sync: true }),
    ],
  },
  unchanged('small', 'Backup, nothing changed, 54,000 files', usualMemory),
  {
    name: 'restore-empty',
    title: 'Restore to an empty folder, 54,000 files of 1.7 GB',
    data: 'small',
    targets: [faster('restic', 1.5), within('cp -a', 1), usualMemory],
    entrants: (bench) => [
      ...restores(bench, 'small', 'without lz4'),
      fetchFloor(bench, 'small', { write: true }),
      copying(bench, 'small', { sync: false }),
      copying(bench, 'small', { sync: true }),
    ],
  },
  {
    name: 'restore-over',
    title: 'Restore over an identical tree, 54,000 files of 1.7 GB',
    data: 'small',
    targets: [faster('restic', 2), usualMemory],
    notes: ['borg writes every file again'],
    entrants: (bench) => [
      ...restores(bench, 'small', 'without lz4').map(({ name, setUp, prepare, run }) => ({
        name,
        setUp: async () => {
          await setUp?.()
          await prepare?.()
          await run()
        },
        run,
      })),
      {
        name: 'floor',
        run: () => bench.floor.digest(listBelow([bench.data.folder('small')], 'files')),
      },
    ],
  },
  onePercentWork,
]

const largeWorks: readonly Work[] = [
  {
    name: 'cold-large',
    title: 'First backup, one file of 2 GB that nothing compresses',
    data: 'large',
    targets: [
      {
        kind: 'either',
        ways: [[faster('restic', 2), faster('borg', 2)], [within('cp -a + sync', 1.6)]],
      },
      notLarger,
      usualMemory,
    ],
    entrants: (bench) => [
      ...firstBackups(bench, 'large', [bench.data.folder('large')], 'all'),
      storeFloor(bench, [bench.data.folder('large')]),
      copying(bench, 'large', { sync: true }),
    ],
  },
  checkData('large', 'check-random', 'check --read-data, 2 GB that nothing compresses', 1.3),
]

const proseWorks: readonly Work[] = [
  {
    name: 'cold-prose',
    title: 'First backup, 2 GB of text in 20 files',
    data: 'prose',
    targets: [notLarger, usualMemory],
    entrants: (bench) => [
      ...firstBackups(bench, 'prose', [bench.data.folder('prose')], 'without lz4'),
      storeFloor(bench, [bench.data.folder('prose')]),
    ],
  },
  checkData('prose', 'check-compressible', 'check --read-data, 2 GB of text', 1.8),
]

const treesWork: Work = {
  name: 'cold-trees',
  title: 'First backup of real folders of this machine',
  targets: [faster('restic', 2), within('floor', 1.3), notLarger, usualMemory],
  prepare: async (bench) => await bench.readOnce(bench.options.trees),
  entrants: (bench) => [
    ...firstBackups(bench, 'trees', bench.options.trees, 'without lz4'),
    storeFloor(bench, bench.options.trees),
  ],
}

const manyWorks: readonly Work[] = [
  {
    name: 'cold-many',
    title: 'First backup, 1,000,000 files',
    data: 'many',
    targets: [millionMemory],
    mostRounds: 1,
    entrants: (bench) => firstBackups(bench, 'many', [bench.data.folder('many')], 'same format'),
  },
  unchanged('many', 'Backup, nothing changed, 1,000,000 files', millionMemory),
  {
    name: 'check-many',
    title: 'check (structure), 1,000,000 files',
    data: 'many',
    targets: [millionMemory],
    mostRounds: 1,
    entrants: (bench) => checks(bench, 'many', 'same format', { readData: false }),
  },
  {
    name: 'restore-many',
    title: 'Restore to an empty folder, 1,000,000 files',
    data: 'many',
    targets: [millionMemory],
    mostRounds: 1,
    entrants: (bench) => restores(bench, 'many', 'same format'),
  },
]

/** Every work; those with the same data stand together, so that each set is made once and only one lies on the disk. */
export const works: readonly Work[] = [
  ...smallWorks,
  ...largeWorks,
  ...proseWorks,
  pruneWork,
  treesWork,
  ...manyWorks,
  hugeWork,
  ...hugeIndexWorks,
]

function unchanged(data: DataSetName, title: string, memory: Target): Work {
  return {
    name: `unchanged-${data}`,
    title,
    data,
    targets: [faster('restic', 3), faster('borg', 3), memory],
    entrants: (bench) => [...nextBackups(bench, data, 'without lz4'), lookFloor(bench, data)],
  }
}

function checkData(data: DataSetName, name: string, title: string, times: number): Work {
  return {
    name,
    title,
    data,
    targets: [faster('restic', times), usualMemory],
    notes: ['borg: check --verify-data'],
    entrants: (bench) => [
      ...checks(bench, data, 'without lz4', { readData: true }),
      fetchFloor(bench, data, { write: false }),
    ],
  }
}
