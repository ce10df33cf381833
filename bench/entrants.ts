import type { Bench, Entrant, Who } from './bench.ts'
import type { DataSetName } from './data-sets.ts'
import { listBelow } from './floor.ts'
import { measure } from './measure.ts'

/** Those who take part in several works. */

/** First backups into new repositories, whose size is measured too. */
export function firstBackups(bench: Bench, what: string, folders: readonly string[], who: Who): Entrant[] {
  return bench.choose(who).map((contender) => ({
    name: contender.name,
    prepare: () => contender.reset(),
    run: async () => {
      const reading = await bench.backUp(contender, folders)
      bench.noteBackup(contender, what)
      return { ...reading, repositoryMb: contender.repositoryMb() }
    },
  }))
}

/** Backups of what is already backed up. */
export function nextBackups(bench: Bench, data: DataSetName, who: Who): Entrant[] {
  return bench.choose(who).map((contender) => ({
    name: contender.name,
    setUp: () => bench.ensureBackup(contender, data),
    run: () => bench.backUp(contender, [bench.data.folder(data)]),
  }))
}

export function checks(bench: Bench, data: DataSetName, who: Who, options: { readonly readData: boolean }): Entrant[] {
  return bench.choose(who).map((contender) => ({
    name: contender.name,
    setUp: () => bench.ensureBackup(contender, data),
    run: () => contender.check(options),
  }))
}

export function restores(bench: Bench, data: DataSetName, who: Who): Entrant[] {
  return bench.choose(who).map((contender) => ({
    name: contender.name,
    setUp: () => bench.ensureBackup(contender, data),
    prepare: async () => bench.targets.next(contender.name),
    run: () => contender.restore(bench.targets.last(contender.name)),
  }))
}

/** The machine itself: what a first backup of these folders takes at least. */
export function storeFloor(bench: Bench, folders: readonly string[]): Entrant {
  return { name: 'floor', run: () => bench.floor.store(listBelow(folders, 'files')) }
}

/** The machine itself: what reading all data back takes at least, and writing it where that is the work. */
export function fetchFloor(bench: Bench, data: DataSetName, options: { readonly write: boolean }): Entrant {
  return {
    name: 'floor',
    setUp: () => bench.floor.store(listBelow([bench.data.folder(data)], 'files')),
    run: () => bench.floor.fetch(options),
  }
}

/** The machine itself: listing and looking, which nobody can leave out to see that nothing has changed. */
export function lookFloor(bench: Bench, data: DataSetName): Entrant {
  return { name: 'floor', run: () => bench.floor.look(listBelow([bench.data.folder(data)], 'folders')) }
}

/** `cp -a`, and with `sync` until everything is on the disk. */
export function copying(bench: Bench, data: DataSetName, { sync }: { readonly sync: boolean }): Entrant {
  const name = sync ? 'cp -a + sync' : 'cp -a'
  const script = sync ? 'cp -a "$0" "$1" && sync -f "$1"' : 'cp -a "$0" "$1"'
  return {
    name,
    prepare: async () => bench.targets.next(name),
    run: () => measure({ command: 'sh', args: ['-c', script, bench.data.folder(data), bench.targets.last(name)] }),
  }
}
