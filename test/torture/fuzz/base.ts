/** A small repository of restic's with a cheap key, its parts opened, and the means to put mutants into copies of it. */
import { createHash } from 'node:crypto'
import { cpSync, globSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { LocalBackend } from '#backend'
import { encodeTree, loadBlob, loadIndex, loadSnapshots, openRepository } from '#repository'
import type { Repository } from '#repository'
import { encodeLockFile } from '../../../src/repository/format/lock-file.ts'
import { encodePackHeader } from '../../../src/repository/format/pack-header.ts'
import { decodeUnpacked } from '../../../src/repository/format/unpacked.ts'
import { cheapenKey } from '../../helpers/cheap-key.ts'
import { makeTree } from '../../helpers/make-tree.ts'
import { peer } from '../../helpers/peers.ts'
import { runOk } from '../../helpers/run.ts'

export const password = 'fuzz'

export interface Base extends Disposable {
  readonly folder: string
  /** Plain JSON of each, to be mutated. */
  readonly snapshot: Buffer
  readonly index: Buffer
  readonly lock: Buffer
  readonly config: Buffer
  readonly key: Buffer
  readonly trees: readonly Buffer[]
  readonly repository: Repository
  /** Every kind of node alone: mutations hit more. */
  readonly nodes: readonly Buffer[]
}

export async function makeBase(folder: string): Promise<Base> {
  const source = `${folder}/source`
  makeTree(source, { seed: 5, files: 6, biggest: 3000, depth: 3 })
  const repositoryFolder = `${folder}/base`
  const env = environment(repositoryFolder, folder)
  await runOk(peer('restic'), ['init'], { env })
  cheapenKey(repositoryFolder, password)
  await runOk(peer('restic'), ['backup', '--tag', 'a,b', '--exclude', 'x', source], { env })
  const backend = new LocalBackend(repositoryFolder)
  const repository = await openRepository(backend, { password })
  const parts = await partsOf(repository, repositoryFolder)
  return { folder: repositoryFolder, repository, ...parts, [Symbol.dispose]: () => repository[Symbol.dispose]() }
}

async function partsOf(repository: Repository, folder: string) {
  const [snapshot = ''] = readdirSync(`${folder}/snapshots`)
  const [index = ''] = readdirSync(`${folder}/index`)
  const [key = ''] = readdirSync(`${folder}/keys`)
  const trees = await loadTrees(repository)
  return {
    snapshot: canonical(await repository.loadFile('snapshot', snapshot)),
    index: await repository.loadFile('index', index),
    lock: encodeLockFile({ ...lockAbout, time: '2020-01-02T03:04:05.123456789+01:00', exclusive: false }),
    config: repository.codec.openBytes(readFileSync(`${folder}/config`)),
    key: readFileSync(`${folder}/keys/${key}`),
    trees,
    nodes: trees
      .flatMap((tree) => [...nodesOf(tree)].map(canonical))
      .filter((node) => node.length < 1500)
      .toSorted((a, b) => a.compare(b)),
  }
}

/** Without what is different each time: the same seed then makes the same mutants. */
function canonical(json: Buffer): Buffer {
  const text = json
    .toString('latin1')
    .replace(/20\d\d-\d\d-\d\dT[0-9:.]+(Z|[+-]\d\d:\d\d)"/g, '2026-01-02T03:04:05.678901234Z"')
    .replace(/"(inode|device_id)":\d+/g, '"$1":123456')
    .replace(/"hostname":"[^"]*"/, '"hostname":"here"')
    .replace(/"paths":\[[^\]]*\]/, '"paths":["/source"]')
  return Buffer.from(text, 'latin1')
}

const lockAbout = { hostname: 'elsewhere', username: 'ann', pid: 77, uid: 5, gid: 6 }

async function loadTrees(repository: Repository): Promise<Buffer[]> {
  const indexed = await loadIndex(repository)
  const trees: Buffer[] = []
  for (let entry = 0; entry < indexed.index.size; entry++) {
    if (indexed.index.typeOf(entry) === 'tree') trees.push(await loadBlob(indexed, 'tree', indexed.index.idOf(entry)))
  }
  const [root] = await loadSnapshots(repository)
  return root ? trees : []
}

/** The nodes of a tree as restic writes it: what stands between the commas at depth one. */
function* nodesOf(tree: Buffer): Generator<Buffer> {
  const { nodes } = JSON.parse(tree.toString('utf8')) as { readonly nodes: readonly unknown[] }
  const text = tree.toString('latin1')
  let at = '{"nodes":['.length
  for (let i = 0; i < nodes.length; i++) {
    const end = i + 1 < nodes.length ? text.indexOf('},{"name":', at) + 1 : text.length - ']}\n'.length
    yield tree.subarray(at, end)
    at = end + 1
  }
}

export function treeOf(nodes: readonly Buffer[]): Buffer {
  return encodeTree(nodes)
}

export function environment(repository: string, folder: string): Record<string, string> {
  return {
    RESTIC_REPOSITORY: repository,
    RESTIC_PASSWORD: password,
    RESTIC_CACHE_DIR: `${folder}/restic-cache`,
    RESTIC_PROGRESS_FPS: '0.01',
  }
}

/** An index file, as far as it is looked at. */
export interface IndexFields {
  readonly packs: readonly { readonly id: string; readonly blobs: readonly { readonly offset: number }[] }[]
}

/** A copy of the base that mutants are put into. */
export class Batch implements Disposable {
  readonly folder: string
  readonly #base: Base

  constructor(base: Base, folder: string) {
    this.#base = base
    this.folder = folder
    cpSync(base.folder, folder, { recursive: true })
  }

  get codec() {
    return this.#base.repository.codec
  }

  get primitives() {
    return this.codec.primitives
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true })
  }

  /** Removes the base's own files of a kind. */
  clear(kind: 'snapshots' | 'index' | 'keys' | 'packs'): void {
    const pattern = kind === 'packs' ? 'data/*/*' : `${kind}/*`
    for (const name of globSync(pattern, { cwd: this.folder })) rmSync(`${this.folder}/${name}`)
  }

  /** Seals JSON as an unpacked file of version 2. */
  putUnpacked(kind: 'snapshots' | 'index' | 'locks', json: Buffer): string {
    return this.putSealed(kind, this.unpack(json))
  }

  /** The bytes under the seal of such a file. */
  unpack(json: Buffer): Buffer {
    return Buffer.concat([Buffer.from([2]), this.compress(json)])
  }

  compress(plain: Buffer): Buffer {
    const out = Buffer.alloc(plain.length + 1000)
    return out.subarray(0, this.primitives.zstd.compress(plain, out, 3))
  }

  /** An index file of the batch, opened; `name` is its path in the repository. */
  readIndex(name: string): IndexFields {
    const sealed = readFileSync(`${this.folder}/${name}`)
    const plain = this.codec.openBytes(sealed)
    const json = decodeUnpacked(plain, { zstd: this.primitives.zstd, max: 1 << 26, plainAllowed: true })
    return JSON.parse(Buffer.from(json).toString('utf8')) as IndexFields
  }

  putSealed(kind: 'snapshots' | 'index' | 'locks', plain: Buffer): string {
    return this.putFile(kind, this.seal(plain))
  }

  seal(plain: Buffer): Buffer {
    const sealed = Buffer.alloc(plain.length + 32)
    this.codec.sealBytes(plain, sealed, 0)
    return sealed
  }

  putFile(kind: 'snapshots' | 'index' | 'locks' | 'keys', bytes: Buffer): string {
    const name = sha256(bytes)
    writeFileSync(`${this.folder}/${kind}/${name}`, bytes)
    return name
  }

  putConfig(json: Buffer): void {
    const path = `${this.folder}/config`
    rmSync(path)
    writeFileSync(path, this.seal(json))
  }

  putPack(bytes: Buffer): string {
    const name = sha256(bytes)
    mkdirSync(`${this.folder}/data/${name.slice(0, 2)}`, { recursive: true })
    writeFileSync(`${this.folder}/data/${name.slice(0, 2)}/${name}`, bytes)
    return name
  }

  /** Stores tree blobs, whatever they are, in a pack with an index; returns their ids. */
  putTrees(trees: readonly Buffer[]): string[] {
    const blobs = trees.map((plain) => ({
      id: sha256(plain),
      sealed: this.seal(this.compress(plain)),
      plainLength: plain.length,
    }))
    this.putBlobs('tree', blobs)
    return blobs.map(({ id }) => id)
  }

  /** Stores blobs as they are given, in one pack. */
  putBlobs(type: 'tree' | 'data', blobs: readonly SealedBlob[]): string {
    const header = encodePackHeader({
      count: blobs.length,
      ids: Buffer.concat(blobs.map(({ id }) => Buffer.from(id, 'hex'))),
      types: new Uint8Array(blobs.length).fill(type === 'tree' ? 1 : 0),
      lengths: Uint32Array.from(blobs, ({ sealed }) => sealed.length),
      plainLengths: Uint32Array.from(blobs, ({ plainLength }) => plainLength),
    })
    const pack = this.putPack(this.assemblePack(Buffer.concat(blobs.map(({ sealed }) => sealed)), header))
    let offset = 0
    const entries = blobs.map(({ id, sealed, plainLength }) => {
      const entry = {
        id,
        type,
        offset,
        length: sealed.length,
        ...(plainLength > 0 && { uncompressed_length: plainLength }),
      }
      offset += sealed.length
      return entry
    })
    this.putUnpacked('index', Buffer.from(JSON.stringify({ packs: [{ id: pack, blobs: entries }] })))
    return pack
  }

  assemblePack(blobs: Buffer, plainHeader: Buffer): Buffer {
    const header = this.seal(plainHeader)
    const length = Buffer.alloc(4)
    length.writeUInt32LE(header.length)
    return Buffer.concat([blobs, header, length])
  }

  /** A snapshot of a tree. */
  putSnapshotOf(tree: string): string {
    const about = { time: '2026-01-02T03:04:05Z', tree, paths: [`/${tree}`], hostname: 'here', username: 'ann' }
    return this.putUnpacked('snapshots', Buffer.from(JSON.stringify(about)))
  }
}

export interface SealedBlob {
  readonly id: string
  readonly sealed: Buffer
  /** As header and index are to say. */
  readonly plainLength: number
}

export function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}
