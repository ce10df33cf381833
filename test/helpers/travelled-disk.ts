import { hash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { LocalBackend, layoutPath } from '#backend'
import { firstCopyText, firstCopyTypes, snapshotText } from '#protocol'
import type { FirstCopyPage } from '#protocol'
import type { TestRepository } from './build-repository.ts'
import type { TestMachine } from './test-machine.ts'

/** A disk with a first copy, as a machine's agent writes it. */
export class TravelledDisk {
  readonly folder: string
  readonly #machine: TestMachine
  readonly #repositoryId: string

  constructor(folder: string, machine: TestMachine, repositoryId: string) {
    this.folder = folder
    this.#machine = machine
    this.#repositoryId = repositoryId
  }

  /** The repository, its list, and the page with what the machine signs. */
  async write(made: TestRepository, snapshots: readonly string[]): Promise<void> {
    await made.writeTo(join(this.folder, 'repository'))
    await this.sign(snapshots)
  }

  /** Signs what lies there now; `more` says something else than is true. */
  async sign(snapshots: readonly string[], more: Partial<FirstCopyPage> = {}): Promise<void> {
    await using local = new LocalBackend(join(this.folder, 'repository'))
    let [list, files, bytes] = ['', 0, 0]
    for (const type of firstCopyTypes) {
      for await (const { name, size } of local.list(type)) {
        list += `${type} ${name} ${size}\n`
        files++
        bytes += size
      }
    }
    writeFileSync(join(this.folder, 'files.txt'), list)
    const repositoryId = this.#repositoryId
    const about = {
      machineId: this.#machine.id,
      repositoryId,
      configHash: hash('sha256', await local.read({ type: 'config', name: '' })),
      listHash: hash('sha256', list),
    }
    const signed = snapshots.map((snapshotId) => ({
      snapshotId,
      signature: this.#machine.sign(snapshotText({ repositoryId, snapshotId })),
    }))
    const signature = this.#machine.sign(firstCopyText(about))
    const page: FirstCopyPage = { version: 1, ...about, files, bytes, snapshots: signed, signature, ...more }
    writeFileSync(this.page, JSON.stringify(page))
  }

  get page(): string {
    return join(this.folder, 'first-copy.json')
  }

  /** Where the first pack lies. */
  async pack(): Promise<string> {
    await using local = new LocalBackend(join(this.folder, 'repository'))
    for await (const { name } of local.list('pack')) {
      return join(this.folder, 'repository', ...layoutPath({ type: 'pack', name }))
    }
    throw new Error('there is none')
  }

  /** Changes one byte of it; returns what puts it right again. */
  async spoilPack(): Promise<() => Promise<void>> {
    const path = await this.pack()
    await chmod(path, 0o600)
    const sound = await readFile(path)
    const spoilt = Buffer.from(sound)
    spoilt[100] = (spoilt[100] ?? 0) ^ 1
    await writeFile(path, spoilt)
    return async () => await writeFile(path, sound)
  }
}
