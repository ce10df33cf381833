/** Two repositories that are the same to begin with: ours, and one for restic, which does the same to it. */
import assert from 'node:assert/strict'
import { chmodSync, cpSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { LocalBackend } from '#backend'
import { loadSnapshots, openRepository } from '#repository'
import { peer } from './peers.ts'
import { run, runOk } from './run.ts'
import type { RunResult } from './run.ts'
import { Scene } from './scene.ts'
import { randomFrom } from './seed.ts'

const program = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

export class Twins implements AsyncDisposable {
  readonly scene: Scene
  /** The repository that restic works on. */
  readonly theirs: string
  readonly #whole: string

  private constructor(scene: Scene) {
    this.scene = scene
    this.theirs = `${scene.folder}/theirs`
    this.#whole = `${scene.folder}/whole`
    cpSync(scene.repository, this.#whole, { recursive: true })
  }

  /** A repository with two snapshots. */
  static async open(): Promise<Twins> {
    const random = randomFrom(71)
    const scene = await Scene.open()
    const { source } = scene
    for (const folder of ['docs/old', 'docs/new', 'empty', 'Music'])
      mkdirSync(`${source}/${folder}`, { recursive: true })
    for (let i = 0; i < 6; i++) writeFileSync(`${source}/docs/old/letter ${i}.txt`, random.bytes(20_000 + i))
    writeFileSync(`${source}/docs/new/büro.ODT`, random.bytes(3_000))
    writeFileSync(`${source}/docs/secret.key`, 'secret')
    writeFileSync(`${source}/Music/song.iso`, random.bytes(1_500_000))
    await scene.init()
    await scene.understudy('backup', source, '--host', 'here')
    writeFileSync(`${source}/docs/new/more.txt`, random.bytes(9_000))
    await scene.understudy('backup', source, '--host', 'here')
    return new Twins(scene)
  }

  /** Both as they were, and then damaged in the same way. */
  begin(damage: (repository: string) => void = () => undefined): void {
    for (const repository of [this.scene.repository, this.theirs]) {
      rmSync(repository, { recursive: true, force: true })
      cpSync(this.#whole, repository, { recursive: true })
      damage(repository)
    }
  }

  /** Restic on its twin. */
  async restic(...args: readonly string[]): Promise<string> {
    const { env, folder } = this.scene
    return await runOk(peer('restic'), args, { env: { ...env, RESTIC_REPOSITORY: this.theirs }, cwd: folder })
  }

  /** Ours, in a folder that may be written to. */
  async understudy(...args: readonly string[]): Promise<RunResult> {
    const { env, folder } = this.scene
    return await run(process.execPath, [program, ...args], { env, cwd: folder })
  }

  /** The snapshots of both are the same, but for their ids. */
  async assertSame(): Promise<void> {
    assert.deepEqual(await this.#listed(this.scene.repository), await this.#listed(this.theirs))
  }

  async #listed(repository: string): Promise<string[]> {
    await using backend = new LocalBackend(repository)
    using opened = await openRepository(backend, { password: this.scene.password })
    const all = await loadSnapshots(opened)
    return all
      .map(({ tree, hostname, original, tags, summary }) => {
        const counts = [summary?.totalFilesProcessed, summary?.totalBytesProcessed]
        return [hostname, original, tags.join(), tree.toString('hex'), ...counts].join(' ')
      })
      .toSorted()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.scene[Symbol.asyncDispose]()
  }
}

/** The pack that holds most: it has data. */
export function largestPack(repository: string): string {
  const folders = readdirSync(`${repository}/data`).map((name) => `${repository}/data/${name}`)
  const packs = folders.flatMap((folder) => readdirSync(folder).map((name) => `${folder}/${name}`))
  return packs.toSorted((a, b) => readFileSync(b).length - readFileSync(a).length)[0] as string
}

export function flipIn(path: string, at: number): void {
  const bytes = readFileSync(path)
  bytes[at] = (bytes[at] as number) ^ 1
  chmodSync(path, 0o600)
  writeFileSync(path, bytes)
}
