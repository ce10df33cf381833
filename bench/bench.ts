import { execFileSync } from 'node:child_process'
import { accessSync, constants, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { missing } from '../test/helpers/peers.ts'
import { Borg, ResticLike } from './contender.ts'
import type { Contender } from './contender.ts'
import { DataSets, fullSizes, quickSizes } from './data-sets.ts'
import type { DataSetName } from './data-sets.ts'
import { ours } from './figures.ts'
import type { Reading } from './figures.ts'
import { Floor, listBelow } from './floor.ts'
import { FreshFolders } from './fresh-folders.ts'
import type { BenchOptions } from './options.ts'

const dropCaches = '/proc/sys/vm/drop_caches'

export type Who = 'all' | 'without lz4' | 'same format'

/** One that takes part in a work: a program, or the machine itself. */
export interface Entrant {
  readonly name: string
  /** Once, before the first round; not measured. */
  readonly setUp?: () => Promise<unknown>
  /** Before each run; not measured. */
  readonly prepare?: () => Promise<unknown>
  readonly run: () => Promise<Reading>
}

/** What all works share: the place, the data, who takes part, and what their repositories hold just now. */
export class Bench implements AsyncDisposable {
  readonly options: BenchOptions
  readonly data: DataSets
  readonly understudy: ResticLike
  /** Understudy and restic, which can work in the same repository. */
  readonly sameFormat: readonly ResticLike[]
  /** Understudy, restic and borg, as far as they are installed. */
  readonly contenders: readonly Contender[]
  readonly floor: Floor
  /** Where entrants restore to. */
  readonly targets: FreshFolders
  /** What was not measured, and why. */
  readonly absent: readonly string[]
  /** The data set that was read last, so that it lies in the page cache. */
  warm: DataSetName | undefined
  readonly #holds = new Map<Contender, string>()

  constructor(options: BenchOptions) {
    const { place, quick, resticCache } = options
    if (options.cold) checkMayDropCaches()
    this.options = options
    // A run that was interrupted may have left repositories with other keys.
    rmSync(this.workFolder, { recursive: true, force: true })
    mkdirSync(this.workFolder, { recursive: true })
    this.data = new DataSets(place, quick ? quickSizes : fullSizes)
    const resticLike = { cheapKeys: quick, resticCache }
    this.understudy = new ResticLike(ours, place, resticLike)
    const restic = missing('restic') ? [] : [new ResticLike('restic', place, resticLike)]
    const borg = missing('borg') ? [] : [new Borg('borg', place, 'zstd,3')]
    const lz4 = missing('borg') || quick ? [] : [new Borg('borg lz4', place, 'lz4')]
    this.sameFormat = [this.understudy, ...restic]
    this.contenders = [...this.sameFormat, ...borg, ...lz4]
    this.absent = [missing('restic'), missing('borg')].filter((reason) => reason !== false)
    this.floor = new Floor(place)
    this.targets = new FreshFolders(join(this.workFolder, 'targets'))
  }

  get workFolder(): string {
    return join(this.options.place, 'work')
  }

  /** Those who take part: `same format` is Understudy and restic. */
  choose(who: Who): readonly Contender[] {
    return this.contenders.filter(({ name }) => {
      if (who === 'all') return true
      return who === 'without lz4' ? name !== 'borg lz4' : !name.startsWith('borg')
    })
  }

  /** Makes sure that the contender's repository holds a backup of a data set, and nothing else. */
  async ensureBackup(contender: Contender, name: DataSetName): Promise<void> {
    if (this.#holds.get(contender) === name) return
    await contender.reset()
    await this.backUp(contender, [this.data.folder(name)])
    this.noteBackup(contender, name)
  }

  /** A backup, after which the data lies in the page cache again: the next one must not be the only one who waits for the disk. */
  async backUp(contender: Contender, folders: readonly string[]): Promise<Reading> {
    const reading = await contender.backUp(folders)
    if (contender.emptiesPageCache) await this.readOnce(folders)
    return reading
  }

  /** Brings data into the page cache, as far as it fits, unless it is to be cold. */
  async readOnce(folders: readonly string[]): Promise<void> {
    if (!this.options.cold) await this.floor.digest(listBelow(folders, 'files'))
  }

  /** Notes that the contender's repository holds one backup of this. */
  noteBackup(contender: Contender, what: string): void {
    this.#holds.set(contender, what)
  }

  /** What repositories hold is no longer what the data sets are. */
  forgetBackups(): void {
    this.#holds.clear()
  }

  /** Frees the space of repositories and restored files. */
  clear(): void {
    this.forgetBackups()
    for (const { home } of this.contenders) rmSync(home, { recursive: true, force: true })
    this.targets.removeAll()
  }

  /**
   * What earlier runs wrote must not burden the next one: it is on the disk before the clock starts. With `--cold` nothing
   * of it is in memory any more either.
   */
  settle(): void {
    if (!this.options.quick) execFileSync('sync')
    if (this.options.cold) writeFileSync(dropCaches, '3')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.floor[Symbol.asyncDispose]()
    rmSync(this.workFolder, { recursive: true, force: true })
    if (!this.options.keep) this.data.removeAll()
  }
}

function checkMayDropCaches(): void {
  try {
    accessSync(dropCaches, constants.W_OK)
  } catch {
    throw new Error('Only root can empty the page cache, and only on Linux: leave --cold out.')
  }
}
