/** Everything that a round of the torture works with: the source, its frozen copies, two repositories, and the programs. */
import { mkdirSync, rmSync } from 'node:fs'
import { cheapenKey } from '../helpers/cheap-key.ts'
import { makeTree } from '../helpers/make-tree.ts'
import type { Journal } from './journal.ts'
import { RepositoryModel } from './model.ts'
import { Programs, password } from './programs.ts'
import { derivedSeed, randomFrom } from './random.ts'
import { References } from './references.ts'
import { changeTree } from './source-tree.ts'
import { localStorage } from './storage/local.ts'
import type { Storage } from './storage/index.ts'
import type { Tally } from './tally.ts'

export interface TorturedRepository {
  readonly name: string
  readonly storage: Storage
  readonly model: RepositoryModel
  exists: boolean
}

export interface WorldOptions {
  readonly folder: string
  readonly seed: number
  readonly program: string
  readonly journal: Journal
  readonly tally: Tally
}

export class World implements AsyncDisposable {
  readonly folder: string
  readonly source: string
  readonly references: References
  readonly programs: Programs
  readonly tally: Tally
  readonly journal: Journal
  /** The one under torture, and one that is copied to. */
  readonly repositories: readonly [TorturedRepository, TorturedRepository]
  #keys = 0
  #folders = 0

  private constructor({ folder, seed, program, journal, tally }: WorldOptions, storages: readonly [Storage, Storage]) {
    this.folder = folder
    this.source = `${folder}/source`
    this.tally = tally
    this.journal = journal
    this.programs = new Programs(folder, program, { journal, tally })
    this.references = new References(`${folder}/references`, this.source)
    this.repositories = [repositoryOn('repository', storages[0]), repositoryOn('second', storages[1])]
    fillSource(this.source, seed)
  }

  /** Makes the folders, the source and the storage; the repository is made by a step. */
  static async open(options: WorldOptions, storage: Storage): Promise<World> {
    mkdirSync(`${options.folder}/second`)
    return new World(options, [storage, await localStorage(`${options.folder}/second`)])
  }

  /** Takes the repositories' storage down; what lies in the folder stays. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const { storage } of this.repositories) await storage[Symbol.asyncDispose]()
  }

  /** The name of a snapshot that is to be made: a tag that stays with it. */
  newKey(): string {
    return `key=${++this.#keys}`
  }

  emptyFolder(name: string): string {
    const path = `${this.folder}/${name} ${++this.#folders}`
    rmSync(path, { recursive: true, force: true })
    mkdirSync(path)
    return path
  }

  /** Makes a repository, with a key that costs nothing to open: a thousand commands would do nothing but scrypt. */
  async init(repository: TorturedRepository, args: readonly string[] = []): Promise<void> {
    await this.programs.understudyOk({ storage: repository.storage, args: ['init', ...args] })
    cheapenKey(repository.storage.folder, password)
    repository.exists = true
  }

  /** The source as it is now, frozen. */
  freeze(): number {
    return this.references.freeze()
  }

  /** Frees what no snapshot needs any more. */
  tidy(): void {
    this.references.keepOnly(new Set(this.repositories.flatMap(({ model }) => [...model.references])))
  }
}

function repositoryOn(name: string, storage: Storage): TorturedRepository {
  return { name, storage, model: new RepositoryModel(), exists: false }
}

/** Half of the sources begin with everything that a backup stumbles over, the others small. */
function fillSource(source: string, seed: number): void {
  const random = randomFrom(derivedSeed(seed, 0))
  mkdirSync(source)
  if (random.below(2) === 0) makeTree(`${source}/everything`, { seed, files: 20, biggest: 200_000, depth: 12 })
  mkdirSync(`${source}/changing`)
  changeTree(`${source}/changing`, random, 40)
}
