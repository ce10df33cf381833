import { cpSync, linkSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Bench, Entrant } from './bench.ts'
import type { Contender } from './contender.ts'
import { listBelow } from './floor.ts'
import { ours } from './figures.ts'
import type { Work } from './work.ts'
import { faster, notLarger, usualMemory } from './work.ts'

/** Forgets every second of eight snapshots, of which each changed half of the files, and prunes. */
export const pruneWork: Work = {
  name: 'prune-half',
  title: 'forget half of the snapshots and prune, both phases',
  data: 'generations',
  targets: [faster('restic', 2), notLarger, usualMemory],
  notes: [
    'understudy: forget --prune --keep-deleted 0, which repacks, drops from the index, and deletes at once; by default the deleting waits 23 hours',
    'restic: forget --prune has one phase; borg: delete, then compact',
  ],
  prepare: async (bench) => {
    const contenders = bench.choose('without lz4')
    for (const contender of contenders) await contender.reset()
    for (let i = 0; i < bench.data.sizes.generations; i++) {
      const folder = bench.data.showGeneration(i)
      for (const contender of contenders) await bench.backUp(contender, [folder])
    }
    for (const { home } of contenders) renameSync(home, saved(home))
  },
  entrants: (bench) => [...bench.choose('without lz4').map((contender) => pruning(bench, contender)), moving(bench)],
  finish: (bench) => {
    for (const { home } of bench.contenders) rmSync(saved(home), { recursive: true, force: true })
    bench.forgetBackups()
  },
}

function pruning(bench: Bench, contender: Contender): Entrant {
  const { name, home } = contender
  return {
    name,
    prepare: async () => {
      rmSync(home, { recursive: true, force: true })
      // With the cache: borg takes an older repository beside a newer cache for an attack.
      cpSync(saved(home), home, { recursive: true, preserveTimestamps: true })
    },
    run: async () => {
      const reading = await contender.pruneHalf()
      if (name === ours) keepNewPacks(bench)
      return { ...reading, repositoryMb: contender.repositoryMb() }
    },
  }
}

/** The machine itself: what moving the bytes takes that Understudy had to move. */
function moving(bench: Bench): Entrant {
  return { name: 'floor', run: () => bench.floor.move(listBelow([repacked(bench)], 'files')) }
}

/** Puts the packs aside that prune has written. */
function keepNewPacks(bench: Bench): void {
  const packs = join('repository', 'data')
  const { home } = bench.understudy
  const before = new Set(listBelow([join(saved(home), packs)], 'files').map((path) => basename(path)))
  rmSync(repacked(bench), { recursive: true, force: true })
  mkdirSync(repacked(bench), { recursive: true })
  for (const path of listBelow([join(home, packs)], 'files')) {
    if (!before.has(basename(path))) linkSync(path, join(repacked(bench), basename(path)))
  }
}

function repacked(bench: Bench): string {
  return join(bench.workFolder, 'repacked')
}

function saved(home: string): string {
  return `${home}.saved`
}
