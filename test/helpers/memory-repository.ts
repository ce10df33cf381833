import { createHash, randomBytes } from 'node:crypto'
import { FaultyBackend, MemoryBackend } from '#backend'
import type { Backend, Fault, FileType } from '#backend'
import { encodeMasterKey } from '../../src/repository/format/crypto.ts'
import type { MasterKey } from '../../src/repository/format/crypto.ts'
import { encodeKeyFile } from '../../src/repository/format/key-file.ts'
import { deriveKey } from '../../src/repository/format/password.ts'
import type { KeyCost } from '../../src/repository/format/password.ts'
import { choosePrimitives } from '../../src/repository/format/primitives.ts'
import { loadIndex } from '../../src/repository/load-index.ts'
import { initRepository, openRepository } from '../../src/repository/repository.ts'
import type { IndexedRepository, InitOptions, Repository } from '../../src/repository/repository.ts'
import { RepositoryWriter } from '../../src/repository/writer.ts'

/** Repositories in memory, which cost hardly anything to open, for tests of what works on a repository. */

export const password = 'correct horse'

/** What is stored, by `type/name`, and the repository on it. */
export interface InMemory {
  readonly files: Map<string, Buffer>
  readonly backend: FaultyBackend
  readonly repository: Repository
}

/** A new repository in memory whose key costs hardly anything to open. */
export async function initInMemory(options: Partial<InitOptions> = {}): Promise<InMemory> {
  const { files } = new MemoryBackend()
  using made = await initRepository(new MemoryBackend(files), { password, ...options })
  files.delete(`key/${made.keyName}`)
  await putKey(files, made.settings.masterKey)
  return await openFiles(files)
}

/** The same repository on a storage of its own, which goes wrong as scripted. */
export async function copyOf({ files }: InMemory, faults: readonly Fault[] = []): Promise<InMemory> {
  return await openFiles(new Map(files), faults)
}

/** One more way to the same storage: another program, or this one with faults on its way. */
export async function openFiles(files: Map<string, Buffer>, faults: readonly Fault[] = []): Promise<InMemory> {
  const backend = new FaultyBackend(new MemoryBackend(files))
  const repository = await openRepository(backend, { password })
  for (const fault of faults) backend.add(fault)
  return { files, backend, repository }
}

export interface TestKey {
  readonly password?: string
  readonly cost?: KeyCost
}

/** Puts a key into the storage, and returns its name. */
export async function putKey(
  files: Map<string, Buffer>,
  masterKey: MasterKey,
  { password: ofKey = password, cost = { N: 2, r: 1, p: 1 } }: TestKey = {},
): Promise<string> {
  const salt = randomBytes(64)
  const data = Buffer.alloc(encodeMasterKey(masterKey).length + 32)
  using primitives = choosePrimitives()
  using sealer = primitives.createSealer(await deriveKey(ofKey, salt, cost))
  sealer.seal(encodeMasterKey(masterKey), data, 0, randomBytes(16))
  const about = { created: '2026-01-01T00:00:00Z', username: 'ann', hostname: 'here' }
  return putFile(files, 'key', encodeKeyFile({ ...about, ...cost, salt, data }))
}

/** Puts bytes into the storage under the name that they have. */
export function putFile(files: Map<string, Buffer>, type: FileType, bytes: Buffer): string {
  const name = createHash('sha256').update(bytes).digest('hex')
  files.set(`${type}/${name}`, bytes)
  return name
}

/** Stores trees (whatever bytes they are) in a run of its own; returns the repository with the index that names them. */
export async function storeTrees(repository: Repository, trees: readonly Buffer[]): Promise<IndexedRepository> {
  await using writer = new RepositoryWriter(await loadIndex(repository), { threads: 1 })
  for (const tree of trees) await writer.saveTree(tree)
  await writer.flush()
  return await loadIndex(repository)
}

/** Names of the files of a type. */
export async function namesOf(backend: Backend, type: FileType): Promise<string[]> {
  const listed = await Array.fromAsync(backend.list(type))
  return listed.map(({ name }) => name).toSorted()
}

export function idOf(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest()
}
