/**
 * The stage of a whole-program story: a folder with a repository, a source, real programs to work on them, and the
 * questions that must be answered well after whatever happened (R1, R2 of the failure cases).
 */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { cheapenKey } from './cheap-key.ts'
import { compareTrees } from './compare-trees.ts'
import type { DriverOrder } from './backup-driver.ts'
import { peer } from './peers.ts'
import type { PeerName } from './peers.ts'
import { run, runOk, start } from './run.ts'
import type { RunResult, RunningCommand } from './run.ts'
import { tempFolder } from './temp.ts'

const password = 'a password of tests'
const driver = fileURLToPath(new URL('backup-driver.ts', import.meta.url))
const program = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

export type Restic = Extract<PeerName, 'restic' | 'restic-0.14'>

export interface DriverResult {
  readonly snapshot?: string
  readonly dataBlobs?: number
  readonly treeBlobs?: number
  readonly error?: string
  readonly stderr?: string
}

export interface SceneSnapshot {
  readonly id: string
  readonly tree: string
  readonly hostname: string
  readonly paths: readonly string[]
}

export interface SceneOptions {
  /** Where it is to lie, for a file system of its own or other storage (whose files the scene cannot list). */
  readonly repository?: string
  /** More variables for the programs. */
  readonly env?: Readonly<Record<string, string>>
}

export class Scene implements AsyncDisposable {
  readonly password = password
  readonly folder: string
  readonly source: string
  readonly repository: string
  readonly env: Readonly<Record<string, string>>
  readonly #remove: () => PromiseLike<void>

  private constructor(folder: string, { repository, env }: Required<SceneOptions>, remove: () => PromiseLike<void>) {
    this.folder = folder
    this.source = `${folder}/source`
    this.repository = repository
    this.#remove = remove
    mkdirSync(this.source)
    this.env = {
      RESTIC_REPOSITORY: repository,
      RESTIC_PASSWORD: password,
      RESTIC_CACHE_DIR: `${folder}/restic-cache`,
      UNDERSTUDY_CACHE_DIR: `${folder}/understudy-cache`,
      RESTIC_PROGRESS_FPS: '0.01',
      ...env,
    }
  }

  static async open({ repository, env = {} }: SceneOptions = {}): Promise<Scene> {
    const folder = await tempFolder()
    const options = { repository: repository ?? folder.join('repository'), env }
    return new Scene(folder.path, options, () => folder[Symbol.asyncDispose]())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#remove()
  }

  /** Makes the repository, with a key that costs nothing to open. */
  async init(by: 'understudy' | Restic = 'understudy', ...args: readonly string[]): Promise<void> {
    if (by === 'understudy') await this.understudy('init', ...args)
    else await this.resticOf(by, 'init', ...args)
    cheapenKey(this.repository, password)
  }

  async understudy(...args: readonly string[]): Promise<string> {
    return await runOk(process.execPath, [program, ...args], { env: this.env })
  }

  async tryUnderstudy(...args: readonly string[]): Promise<RunResult> {
    return await run(process.execPath, [program, ...args], { env: this.env })
  }

  startUnderstudy(...args: readonly string[]): RunningCommand {
    return start(process.execPath, [program, ...args], { env: this.env })
  }

  async restic(...args: readonly string[]): Promise<string> {
    return await this.resticOf('restic', ...args)
  }

  async tryRestic(...args: readonly string[]): Promise<RunResult> {
    return await run(peer('restic'), args, { env: this.env })
  }

  async resticOf(version: Restic, ...args: readonly string[]): Promise<string> {
    return await runOk(peer(version), args, { env: this.env })
  }

  /** A backup of the source by restic, of everything anew, with the source's name alone as the driver does; the JSON it prints. */
  async resticBackUp(version: Restic): Promise<string> {
    const args = ['backup', '--force', '--json', '--host', 'here', 'source']
    return await runOk(peer(version), args, { env: this.env, cwd: this.folder })
  }

  /** A backup of the source by the driver, in a process of its own. */
  startBackup(order: Partial<DriverOrder> = {}): RunningCommand {
    const whole: DriverOrder = { location: this.repository, password, target: this.source, ...order }
    return start(process.execPath, [driver, JSON.stringify(whole)], { env: this.env })
  }

  async backUp(order: Partial<DriverOrder> = {}): Promise<DriverResult & { readonly killed: boolean }> {
    const { stdout, stderr, code, signal } = await this.startBackup(order).result
    if (signal === 'SIGKILL') return { killed: true }
    assert.ok(code === 0 || stdout !== '', stderr)
    return { ...(JSON.parse(stdout) as DriverResult), stderr, killed: false }
  }

  async snapshots(): Promise<readonly SceneSnapshot[]> {
    return JSON.parse(await this.restic('snapshots', '--json', '--no-lock')) as SceneSnapshot[]
  }

  /** Ids of blobs as restic finds them in the indexes, sorted; one that is there twice is named twice. */
  async blobs(type: 'data' | 'tree'): Promise<string[]> {
    const listed = await this.restic('list', 'blobs', '--no-lock')
    return listed
      .split('\n')
      .filter((line) => line.startsWith(type))
      .map((line) => line.slice(type.length + 1))
      .toSorted()
  }

  files(folder: 'locks' | 'snapshots' | 'index' | 'keys'): string[] {
    return readdirSync(`${this.repository}/${folder}`).filter((name) => /^[0-9a-f]{64}$/.test(name))
  }

  packs(): string[] {
    const data = `${this.repository}/data`
    return readdirSync(data)
      .flatMap((sub) => readdirSync(`${data}/${sub}`))
      .filter((name) => /^[0-9a-f]{64}$/.test(name))
  }

  /** R1: restic finds nothing wrong, having read everything. */
  async assertSound(version: Restic = 'restic'): Promise<void> {
    const { code, stdout, stderr } = await run(peer(version), ['check', '--read-data'], { env: this.env })
    assert.equal(code, 0, `${stdout}\n${stderr}`)
  }

  /** R2: the snapshot restores equal to `original` (default: the source). */
  async assertRestores(
    snapshot: string,
    { by = 'restic', original = this.source }: { readonly by?: 'understudy' | Restic; readonly original?: string } = {},
  ): Promise<void> {
    const target = `${this.folder}/restored`
    const args = ['restore', snapshot, '--target', target]
    if (by === 'understudy') await this.understudy(...args)
    else await this.resticOf(by, ...args)
    // The driver backs the source up by its name alone, the programs by its whole path.
    const restored = [`${target}/source`, target + this.source].find((path) => existsSync(path))
    assert.ok(restored, 'the source is not among what was restored')
    // restic's restore makes no hard links of symlinks, and 0.14 no holes.
    assert.deepEqual(compareTrees(original, restored, { ignore: ['root', 'links', 'holes'] }), [])
    await rm(target, { recursive: true, force: true })
  }
}
