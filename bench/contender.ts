import { cpSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { cheapenKey } from '../test/helpers/cheap-key.ts'
import { peer } from '../test/helpers/peers.ts'
import type { Reading } from './figures.ts'
import { ours } from './figures.ts'
import { combine, folderBytes, measure } from './measure.ts'

/** A backup program with a repository of its own, to be measured in turn with others. */
export interface Contender {
  readonly name: string
  /** Where everything of it lies: repository, cache. */
  readonly home: string
  /** It tells the system to forget what it has read. */
  readonly emptiesPageCache: boolean
  /** A new, empty repository. */
  reset(): Promise<void>
  backUp(folders: readonly string[]): Promise<Reading>
  /** Brings the last backup back below `target`, with its whole path. */
  restore(target: string): Promise<Reading>
  check(options: { readonly readData: boolean }): Promise<Reading>
  /** Forgets every second backup and gives their space back. */
  pruneHalf(): Promise<Reading>
  repositoryMb(): number
}

export const password = 'bench'
const program = join(import.meta.dirname, '..', 'bin', 'understudy.js')

export interface ResticLikeOptions {
  /** Keys that cost nothing: to prove that everything runs, not to measure. */
  readonly cheapKeys: boolean
  /** restic gets its local cache. Understudy has none for a folder on a local disk. */
  readonly resticCache: boolean
}

/** Understudy and restic: same commands, same repository format. */
export class ResticLike implements Contender {
  readonly name: string
  readonly emptiesPageCache = false
  readonly home: string
  readonly #command: readonly [string, ...string[]]
  readonly #options: ResticLikeOptions
  readonly #useCache: boolean

  constructor(name: typeof ours | 'restic', place: string, options: ResticLikeOptions) {
    this.name = name
    this.home = join(place, 'work', name)
    this.#command = name === ours ? [process.execPath, program] : [peer('restic')]
    this.#options = options
    this.#useCache = name === 'restic' && options.resticCache
  }

  get repository(): string {
    return join(this.home, 'repository')
  }

  // One repository, made once by Understudy, is what both begin with: so keys cost the same, and both cut files at the
  // same places.
  async reset(): Promise<void> {
    const seed = join(this.home, '..', 'empty-repository')
    if (!existsSync(seed)) {
      await measure({
        command: process.execPath,
        args: [program, 'init', '--quiet'],
        env: { RESTIC_PASSWORD: password, RESTIC_REPOSITORY: seed },
      })
      if (this.#options.cheapKeys) cheapenKey(seed, password)
    }
    rmSync(this.home, { recursive: true, force: true })
    mkdirSync(this.home, { recursive: true })
    cpSync(seed, this.repository, { recursive: true })
  }

  async backUp(folders: readonly string[]): Promise<Reading> {
    return await this.run(['backup', '--quiet', ...folders])
  }

  async restore(target: string): Promise<Reading> {
    return await this.run(['restore', 'latest', '--quiet', '--target', target])
  }

  async check({ readData }: { readonly readData: boolean }): Promise<Reading> {
    return await this.run(['check', '--quiet', ...(readData ? ['--read-data'] : [])])
  }

  async pruneHalf(): Promise<Reading> {
    const keepNothingBack = this.name === ours ? ['--keep-deleted', '0'] : []
    const half = this.#snapshots().filter((_, i) => i % 2 === 0)
    return await this.run(['forget', '--quiet', '--prune', ...keepNothingBack, ...half])
  }

  repositoryMb(): number {
    return folderBytes(this.repository) / 1e6
  }

  async run(args: readonly string[], repository: string = this.repository): Promise<Reading> {
    return await measure(this.#line(args, repository))
  }

  #snapshots(): string[] {
    const { command, args, env } = this.#line(['snapshots', '--json'], this.repository)
    const json = execFileSync(command, args, { env: { ...process.env, ...env }, encoding: 'utf8' })
    const list = JSON.parse(json) as { readonly id: string; readonly time: string }[]
    return list.toSorted((a, b) => Date.parse(a.time) - Date.parse(b.time)).map(({ id }) => id)
  }

  #line(args: readonly string[], repository: string) {
    const [command, ...before] = this.#command
    const cache = this.#useCache ? ['--cache-dir', join(this.home, 'cache')] : ['--no-cache']
    const env = { RESTIC_PASSWORD: password, RESTIC_REPOSITORY: repository }
    return { command, args: [...before, ...args, ...cache], env }
  }
}

export class Borg implements Contender {
  readonly name: string
  readonly emptiesPageCache = true
  readonly home: string
  readonly #compression: string
  #archives = 0

  constructor(name: string, place: string, compression: string) {
    this.name = name
    this.home = join(place, 'work', name)
    this.#compression = compression
  }

  async reset(): Promise<void> {
    rmSync(this.home, { recursive: true, force: true })
    mkdirSync(this.home, { recursive: true })
    this.#archives = 0
    await this.#run(['init', '--encryption', fasterEncryption(), this.#repository])
  }

  async backUp(folders: readonly string[]): Promise<Reading> {
    const archive = `${this.#repository}::${++this.#archives}`
    return await this.#run(['create', '--compression', this.#compression, archive, ...folders])
  }

  async restore(target: string): Promise<Reading> {
    mkdirSync(target, { recursive: true })
    return await this.#run(['extract', `${this.#repository}::${this.#archives}`], target)
  }

  async check({ readData }: { readonly readData: boolean }): Promise<Reading> {
    return await this.#run(['check', ...(readData ? ['--verify-data'] : []), this.#repository])
  }

  async pruneHalf(): Promise<Reading> {
    const half = Array.from({ length: this.#archives }, (_, i) => `${i + 1}`).filter((_, i) => i % 2 === 0)
    const deleted = await this.#run(['delete', this.#repository, ...half])
    return combine([deleted, await this.#run(['compact', this.#repository])])
  }

  repositoryMb(): number {
    return folderBytes(this.#repository) / 1e6
  }

  get #repository(): string {
    return join(this.home, 'repository')
  }

  async #run(args: readonly string[], cwd?: string): Promise<Reading> {
    return await measure({
      command: peer('borg'),
      args,
      env: { BORG_BASE_DIR: join(this.home, 'base'), BORG_PASSPHRASE: password },
      ...(cwd !== undefined && { cwd }),
    })
  }
}

/** borg's manual: BLAKE2b is faster than SHA-256, except where the processor has instructions for SHA-256. */
function fasterEncryption(): 'repokey' | 'repokey-blake2' {
  try {
    return /\bsha_ni\b/.test(readFileSync('/proc/cpuinfo', 'latin1')) ? 'repokey' : 'repokey-blake2'
  } catch {
    return 'repokey-blake2'
  }
}
