import { mapOrdered, messageOf, throwIfBug } from '#base'
import type { Cancellable } from '#base'
import { isSafeName } from '#repository'
import type { ContentLoader, LoadedContents, Node } from '#repository'
import { RestorerError } from '../errors.ts'
import { idBytes } from '../repository.ts'
import type { RestoreNode, RestoreTree } from '../repository.ts'
import type { Archive, WriteBytes } from './archive.ts'
import { FirstNames, batchesOf } from './batches.ts'
import type { Batch, DumpedEntry } from './batches.ts'
import { TarArchive } from './tar.ts'
import { ZipArchive } from './zip.ts'

/** Writes contents of a snapshot as one stream of bytes: a file as it is, or a folder as an archive. */

/** What a dump needs of a repository. */
export interface DumpRepository {
  readonly trees: { loadTree(id: Buffer, options?: Cancellable): Promise<RestoreTree> }
  readonly contents: Pick<ContentLoader, 'load' | 'lengthOf'>
}

export type ArchiveFormat = 'tar' | 'zip'
export const archiveFormats = ['tar', 'zip'] as const satisfies readonly ArchiveFormat[]

export interface DumpOptions extends Cancellable {
  readonly write: WriteBytes
}

export interface DumpFolderOptions extends DumpOptions {
  readonly format: ArchiveFormat
  /** An entry that such an archive cannot hold: a socket, say. */
  readonly onLeftOut: (path: Buffer) => void
}

/** An entry of a snapshot. */
export type Found =
  | { readonly kind: 'folder'; readonly path: Buffer; readonly tree: Buffer }
  | { readonly kind: 'file'; readonly path: Buffer; readonly node: Node }

/** Batches that are loaded ahead of the one that is written: 32 MiB. */
const ahead = 3

/**
 * What lies at a path below a tree: text, or bytes where names may be no text. `.`, empty and `..` components count as in a
 * shell. Throws DUMP_NOT_FOUND, DUMP_KIND.
 */
export async function findForDump(
  { trees }: Pick<DumpRepository, 'trees'>,
  { tree, path }: { readonly tree: Buffer; readonly path: string | Buffer },
  options: Cancellable = {},
): Promise<Found> {
  let found: Found = { kind: 'folder', path: Buffer.alloc(0), tree }
  for (const name of componentsOf(path)) {
    if (found.kind === 'file')
      throw new RestorerError('DUMP_KIND', { path: absolute(found.path), kind: 'a file, and no folder' })
    const inside = join(found.path, name)
    const node = await childOf(trees, found, name, options)
    if (!node) throw new RestorerError('DUMP_NOT_FOUND', { path: absolute(inside) })
    if (node.type === 'dir' && node.subtree) found = { kind: 'folder', path: inside, tree: node.subtree }
    else if (node.type === 'file') found = { kind: 'file', path: inside, node: node.decode() }
    else throw new RestorerError('DUMP_KIND', { path: absolute(inside), kind: `a ${node.type}, no file and no folder` })
  }
  return found
}

/** As `ls` and `find` show it. */
function absolute(path: Buffer): Buffer {
  return Buffer.concat([Buffer.from('/'), path])
}

/** Writes a file's content. Throws DUMP_STOPPED, naming the file. */
export async function dumpFile(
  repository: DumpRepository,
  { path, node }: Extract<Found, { readonly kind: 'file' }>,
  { write, signal }: DumpOptions,
): Promise<void> {
  const entry = describe(repository, path, node)
  const entries = async function* () {
    yield entry
  }
  for await (const { batch, loaded } of loadedBatches(repository, entries(), { signal })) {
    using contents = loaded
    for (const step of batch.steps) if (step.kind === 'piece') await write(pieceOf(step, contents))
  }
}

/** Writes a folder's archive. Throws DUMP_STOPPED, naming what could not be read: then the archive is not complete. */
export async function dumpFolder(
  repository: DumpRepository,
  folder: Extract<Found, { readonly kind: 'folder' }>,
  options: DumpFolderOptions,
): Promise<void> {
  const { write, signal, format } = options
  const archive = format === 'tar' ? new TarArchive(write) : new ZipArchive(write)
  const entries = entriesOf(repository, folder, archive, options)
  for await (const { batch, loaded } of loadedBatches(repository, entries, { signal })) {
    using contents = loaded
    for (const step of batch.steps) {
      if (step.kind === 'entry') await archive.begin(step.entry)
      else await archive.add(pieceOf(step, contents))
    }
  }
  await archive.finish()
}

async function* loadedBatches(
  { contents }: DumpRepository,
  entries: AsyncIterable<DumpedEntry>,
  { signal }: Cancellable,
): AsyncGenerator<{ readonly batch: Batch; readonly loaded: LoadedContents }> {
  const load = async (batch: Batch) => ({ batch, loaded: await contents.load(batch.ids, { signal }) })
  yield* mapOrdered(batchesOf(entries), load, { concurrency: ahead, signal })
}

function pieceOf({ id, path }: { readonly id: Buffer; readonly path: Buffer }, loaded: LoadedContents): Buffer {
  try {
    return loaded.take(id)
  } catch (thrown) {
    throw stopped(path, thrown)
  }
}

/** The entries below a folder, folders before what they hold. No recursion: folders may be nested a million deep. */
async function* entriesOf(
  repository: DumpRepository,
  root: Extract<Found, { readonly kind: 'folder' }>,
  archive: Archive,
  { signal, onLeftOut }: DumpFolderOptions,
): AsyncGenerator<DumpedEntry> {
  const firstNames = new FirstNames()
  const open = async (path: Buffer, tree: Buffer) => ({ path, nodes: await openFolder(repository, path, tree, signal) })
  const folders = [await open(root.path, root.tree)]
  for (let folder = folders.at(-1); folder; folder = folders.at(-1)) {
    const node = nextNode(folder)
    if (!node) {
      folders.pop()
      continue
    }
    const path = join(folder.path, node.name)
    if (!archive.holds(node)) {
      onLeftOut(path)
      continue
    }
    const hardLinkTo = archive.hasHardLinks ? firstNames.of(path, node) : undefined
    yield hardLinkTo ? { ...emptyOf(path, node), hardLinkTo } : describe(repository, path, node)
    if (node.type === 'dir' && node.subtree) folders.push(await open(path, node.subtree))
  }
}

async function openFolder({ trees }: DumpRepository, path: Buffer, tree: Buffer, signal: AbortSignal | undefined) {
  try {
    return (await trees.loadTree(tree, { signal }))[Symbol.iterator]()
  } catch (thrown) {
    signal?.throwIfAborted()
    throw stopped(path, thrown)
  }
}

function nextNode({ path, nodes }: { readonly path: Buffer; readonly nodes: Iterator<RestoreNode> }): Node | undefined {
  let node: Node | undefined
  try {
    node = nodes.next().value?.decode()
  } catch (thrown) {
    throw stopped(path, thrown)
  }
  // An archive with such a name would write beside the folder that it is unpacked in.
  if (node && !isSafeName(node.name)) throw stopped(join(path, node.name), 'that can be no name of an entry')
  return node
}

/** Throws DUMP_STOPPED when a part of the content is in no index. */
function describe({ contents }: DumpRepository, path: Buffer, node: Node): DumpedEntry {
  if (node.type !== 'file') return emptyOf(path, node)
  const { content } = node
  if (!content) throw stopped(path, 'the snapshot does not say what its content is')
  try {
    const lengths = Array.from({ length: content.length / idBytes }, (_, i) => contents.lengthOf(content, i * idBytes))
    return { path, node, content, lengths, size: lengths.reduce((sum, length) => sum + length, 0) }
  } catch (thrown) {
    throw stopped(path, thrown)
  }
}

function emptyOf(path: Buffer, node: Node): DumpedEntry {
  return { path, node, size: 0, content: Buffer.alloc(0), lengths: [] }
}

function stopped(path: Buffer, cause: unknown): RestorerError {
  if (typeof cause !== 'string') throwIfBug(cause)
  return new RestorerError('DUMP_STOPPED', { path: absolute(path), reason: messageOf(cause), cause })
}

async function childOf(
  trees: DumpRepository['trees'],
  { path, tree }: Extract<Found, { readonly kind: 'folder' }>,
  name: Buffer,
  { signal }: Cancellable,
): Promise<RestoreNode | undefined> {
  try {
    for (const node of await trees.loadTree(tree, { signal })) if (node.name.equals(name)) return node
    return undefined
  } catch (thrown) {
    signal?.throwIfAborted()
    throw stopped(path, thrown)
  }
}

function componentsOf(path: string | Buffer): Buffer[] {
  const names: string[] = []
  // latin1 keeps every byte.
  for (const name of Buffer.from(path).toString('latin1').split('/')) {
    if (name === '..') names.pop()
    else if (name !== '' && name !== '.') names.push(name)
  }
  return names.map((name) => Buffer.from(name, 'latin1'))
}

function join(folder: Buffer, name: Buffer): Buffer {
  return folder.length === 0 ? name : Buffer.concat([folder, slash, name])
}

const slash = Buffer.from('/')
