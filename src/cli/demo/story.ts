import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync } from 'node:fs'
import { hostname, userInfo } from 'node:os'
import { join } from 'node:path'
import { formatBytes, formatRate, messageOf } from '#base'
import type { Cancellable } from '#base'
import { LocalBackend } from '#backend'
import { RepositoryReader, checkRepository, findSnapshot, initRepository, loadIndex, loadSnapshots } from '#repository'
import type { IndexedRepository, NamedSnapshot, Repository } from '#repository'
import { backUp } from '#archiver'
import type { BackUpResult } from '#archiver'
import { executeRestore, findSubtree, planRestore, verifyRestored } from '#restorer'
import { compareTrees, createFileSource, openFileTarget } from '#filesystem'
import { CliError } from '../errors.ts'
import { programVersion } from '../version.ts'
import { haveBadDay } from './bad-day.ts'
import type { BadDay } from './bad-day.ts'
import { resticVersion, runRestic } from './restic.ts'
import { findVersions, loadContent } from './versions.ts'

export interface StoryOptions extends Cancellable {
  /** The folder of real files. It is only read. */
  readonly folder: string
  /** An empty folder for everything that the demo makes. */
  readonly place: string
  readonly threads: number
  readonly say: (line: string) => void
}

/**
 * The story of a backup, told with real files: backed up, restored and compared; spoiled, deleted and encrypted; the old
 * version brought back; everything restored and compared again; the repository proven sound, by restic too.
 * Throws `DEMO_FAILED` as soon as anything is not as it should be.
 */
export async function tellStory(options: StoryOptions): Promise<void> {
  const { place, signal } = options
  mkdirSync(place, { recursive: true })
  const password = randomBytes(16).toString('hex')
  const backend = new LocalBackend(join(place, 'repository'))
  using repository = await initRepository(backend, { password, signal })
  await new Story(repository, password, options).tell()
}

class Story {
  readonly #repository: Repository
  readonly #password: string
  readonly #options: StoryOptions
  readonly #office: string
  #step = 0

  constructor(repository: Repository, password: string, options: StoryOptions) {
    this.#repository = repository
    this.#password = password
    this.#options = options
    this.#office = join(options.place, 'office')
  }

  async tell(): Promise<void> {
    const { folder, place } = this.#options
    this.#title(`Back up ${folder}, encrypted, into a new repository`)
    const original = await this.#backUp(folder)

    this.#title('Get all of it back as the folder "office", and compare it with the original')
    await this.#restore(original, folder, this.#office)
    this.#compare(folder, this.#office)

    this.#title('Back up the office: what is known already is not stored again')
    const before = await this.#backUp(this.#office)

    this.#title('A bad day: documents spoiled, deleted, and encrypted by ransomware')
    const day = haveBadDay(this.#office)
    this.#say(
      `${day.changed.length} files changed, ${day.deleted.length} deleted, ${day.encrypted.length} encrypted and renamed to *.locked`,
    )

    this.#title('The nightly backup runs all the same: only what changed is read and stored')
    await this.#backUp(this.#office)

    this.#title('The versions of one spoiled document, and the good one back in its place')
    await this.#bringOneBack(day, folder)

    this.#title('Everything back as it was before the bad day, into a new folder')
    const recovered = join(place, 'recovered')
    await this.#restore(before, this.#office, recovered)
    this.#compare(folder, recovered)

    this.#title('Prove the repository: read and decrypt every byte of it')
    await this.#check()
    await this.#checkWithRestic()
  }

  async #backUp(folder: string): Promise<NamedSnapshot> {
    const { threads, signal } = this.#options
    const { username, uid, gid } = userInfo()
    const identity = { hostname: hostname(), username, uid: Math.max(0, uid), gid: Math.max(0, gid) }
    const about = { ...identity, tags: ['demo'], excludes: [], programVersion }
    const source = await createFileSource([folder], { signal })
    const result = await backUp(this.#repository, source, { identity: about, threads, signal })
    this.#sayBackUp(result)
    for (const { path, error } of result.problems.slice(0, 5))
      this.#say(`not read: ${path.toString()}: ${error.message}`)
    return await findSnapshot(this.#repository, result.snapshot as string, { signal })
  }

  #sayBackUp({ counts, start, end, snapshot, problems }: BackUpResult): void {
    const seconds = (end - start) / 1000
    const {
      totalFilesProcessed: files,
      totalBytesProcessed: bytes,
      filesUnmodified,
      dataAdded,
      dataAddedPacked,
    } = counts
    const known = filesUnmodified > 0 ? `, ${filesUnmodified.toLocaleString('en')} of them not read again` : ''
    this.#say(
      `${files.toLocaleString('en')} files, ${formatBytes(bytes)} in ${seconds.toFixed(1)} s (${formatRate(bytes, seconds)})${known}`,
    )
    this.#say(`new: ${formatBytes(dataAdded)}, which take ${formatBytes(dataAddedPacked)} compressed and encrypted`)
    this.#say(
      `recovery point ${snapshot?.slice(0, 8)}${problems.length > 0 ? `, without ${problems.length} things that could not be read` : ''}`,
    )
  }

  /** Restores a folder of a snapshot, and reads everything again that was written. */
  async #restore(snapshot: NamedSnapshot, folder: string, to: string): Promise<void> {
    const { threads, signal } = this.#options
    const start = performance.now()
    const indexed = await loadIndex(this.#repository, { signal })
    await using reader = new RepositoryReader(indexed, { threads })
    const tree = await findSubtree(reader, { tree: snapshot.tree, path: Buffer.from(folder) }, { signal })
    await using target = openFileTarget(to)
    const plan = await planRestore(reader, { tree }, target, { signal })
    const result = await executeRestore(reader, plan, target, { signal })
    const seconds = (performance.now() - start) / 1000
    for (const { message } of result.warnings) this.#say(`warning: ${message}`)
    if (result.failures > 0) throw failed(`${result.failures} files could not be restored`)
    this.#say(
      `${result.files.toLocaleString('en')} files, ${formatBytes(result.bytes)} in ${seconds.toFixed(1)} s (${formatRate(result.bytes, seconds)})`,
    )
    const verified = await verifyRestored(reader, plan, result, target, { signal })
    if (verified.problems.count > 0) throw failed(`${verified.problems.count} restored files differ from the snapshot`)
  }

  #compare(expected: string, actual: string): void {
    const start = performance.now()
    const differences = compareTrees(expected, actual, { ignore: ['root'] })
    if (differences[0] !== undefined) throw failed(`${actual} is not as ${expected}: ${differences[0]}`)
    const seconds = (performance.now() - start) / 1000
    this.#say(`compared with the original in ${seconds.toFixed(1)} s: every byte and all metadata are equal`)
  }

  async #bringOneBack(day: BadDay, folder: string): Promise<void> {
    const { signal } = this.#options
    const file = day.changed[0]
    if (file === undefined) throw failed('the folder has no file to spoil')
    const path = join(this.#office, file)
    const indexed = await loadIndex(this.#repository, { signal })
    const all = await loadSnapshots(this.#repository, { signal })
    const snapshots = all.filter(({ paths }) => paths.includes(this.#office))
    const versions = await findVersions(indexed, snapshots, path, { signal })
    this.#say(file)
    let good: Buffer | undefined
    for (const { snapshot, node } of versions) {
      if (!node) continue
      const content = await loadContent(indexed, node, { signal })
      good ??= content
      const digest = createHash('sha256').update(content).digest('hex').slice(0, 12)
      const time = snapshot.time.slice(0, 19).replace('T', ' ')
      this.#say(
        `  ${snapshot.id.slice(0, 8)}  ${time}  ${String(content.length).padStart(9)} bytes  SHA-256 ${digest}…`,
      )
    }
    await this.#restoreOne(indexed, snapshots[0] as NamedSnapshot, file)
    const [restored, original] = [readFileSync(path), readFileSync(join(folder, file))]
    if (!good || !restored.equals(good) || !restored.equals(original)) throw failed(`${file} is not what it was`)
    this.#say('the first version is back in its place, and equal to the original')
  }

  async #restoreOne(indexed: IndexedRepository, snapshot: NamedSnapshot, file: string): Promise<void> {
    const { threads, signal } = this.#options
    await using reader = new RepositoryReader(indexed, { threads })
    const tree = await findSubtree(reader, { tree: snapshot.tree, path: Buffer.from(this.#office) }, { signal })
    await using target = openFileTarget(this.#office)
    const wanted = Buffer.from(file)
    const plan = await planRestore(reader, { tree }, target, {
      signal,
      select: (path, isFolder) => ({ selected: sameFile(path, wanted), childrenMayBe: isFolder }),
    })
    const { failures } = await executeRestore(reader, plan, target, { signal })
    if (failures > 0) throw failed(`${file} could not be restored`)
  }

  async #check(): Promise<void> {
    const start = performance.now()
    const { threads, signal } = this.#options
    const { problems, snapshots, packs, read } = await checkRepository(this.#repository, {
      readData: true,
      threads,
      signal,
    })
    if (problems[0]) throw failed(`the repository is not sound: ${problems[0].message}`)
    const seconds = (performance.now() - start) / 1000
    this.#say(
      `${snapshots} recovery points, ${packs} packs, ${formatBytes(read.bytes)} in ${seconds.toFixed(1)} s: no errors were found`,
    )
  }

  async #checkWithRestic(): Promise<void> {
    const { place, signal } = this.#options
    const version = await resticVersion()
    if (version === undefined) {
      this.#say('restic is not installed here; with it, this demo has it check the repository too')
      return
    }
    const args = ['-r', join(place, 'repository'), '--no-cache', 'check', '--read-data']
    const { code, output } = await runRestic(args, { password: this.#password, signal })
    if (code !== 0) throw failed(`restic finds fault with the repository: ${output.trim().split('\n').at(-1)}`)
    this.#say(`restic ${version}, an independent program, has read all of it too: ${output.trim().split('\n').at(-1)}`)
  }

  #title(line: string): void {
    this.#options.signal?.throwIfAborted()
    this.#options.say(`\n${++this.#step}. ${line}`)
  }

  #say(line: string): void {
    this.#options.say(`   ${line}`)
  }
}

function sameFile(path: Buffer, wanted: Buffer): boolean {
  const trimmed = path[0] === 0x2f ? path.subarray(1) : path
  return trimmed.equals(wanted)
}

function failed(reason: string): CliError {
  return new CliError('DEMO_FAILED', { reason: messageOf(reason) })
}
