import { hostname } from 'node:os'
import type { Cancellable, Clock } from '#base'
import {
  RepositoryWriter,
  compareNames,
  encodeNode,
  encodeTree,
  formatTime,
  goModeOf,
  loadBlob,
  loadIndex,
  loadTree,
  lockRepository,
  saveSnapshot,
} from '#repository'
import type { IndexedRepository, NamedSnapshot, Node, Repository } from '#repository'

/**
 * Files that the server makes itself, as a snapshot: one folder, its files in pieces as they are given. Stock restic lists and
 * restores them like any others.
 */

export interface MadeFile {
  readonly name: string
  /** Equal pieces of two backups are stored once. */
  readonly pieces: AsyncIterable<Buffer> | Iterable<Buffer>
}

export interface SaveFilesOptions extends Cancellable {
  readonly clock: Clock
  /** Name of the folder at the root of the snapshot. */
  readonly folder: string
  readonly tags: readonly string[]
  /** Default: this machine's. */
  readonly hostname?: string
}

const lockWait = 60_000

/** Saves files as a snapshot and returns its id. */
export async function saveFiles(
  repository: Repository,
  files: AsyncIterable<MadeFile> | Iterable<MadeFile>,
  { clock, folder, tags, signal, hostname: host = hostname() }: SaveFilesOptions,
): Promise<string> {
  await using lock = await lockRepository(repository, { signal, retryFor: lockWait })
  const indexed = await loadIndex(repository, { signal: lock.signal })
  const guard = async () => await lock.ensure()
  await using writer = new RepositoryWriter(indexed, { threads: 1, guard, signal: lock.signal })
  const time = formatTime(BigInt(clock.now()) * 1_000_000n)
  const nodes: { readonly name: Buffer; readonly encoded: Buffer }[] = []
  for await (const { name, pieces } of files) {
    const node = nodeOf(name, time, await saveContent(writer, pieces, { signal }))
    nodes.push({ name: node.name, encoded: encodeNode(node) })
  }
  nodes.sort((a, b) => compareNames(a.name, b.name))
  const inner = await writer.saveTree(encodeTree(nodes.map(({ encoded }) => encoded)), { signal })
  const tree = await writer.saveTree(encodeTree([encodeNode(nodeOf(folder, time, { subtree: inner }))]), { signal })
  await writer.flush({ signal })
  await lock.ensure()
  const nobody = { username: 'understudy', uid: 0, gid: 0, excludes: [] }
  return await saveSnapshot(indexed, { time, tree, paths: [`/${folder}`], hostname: host, tags, ...nobody }, { signal })
}

interface Content {
  readonly ids: Buffer
  readonly size: number
}

async function saveContent(
  writer: RepositoryWriter,
  pieces: MadeFile['pieces'],
  options: Cancellable,
): Promise<Content> {
  const ids: Buffer[] = []
  let size = 0
  for await (const piece of pieces) {
    if (piece.length === 0) continue
    ids.push(await writer.saveData(piece, options))
    size += piece.length
  }
  return { ids: Buffer.concat(ids), size }
}

function nodeOf(name: string, time: string, content: Content | { readonly subtree: Buffer }): Node {
  const isFolder = 'subtree' in content
  return {
    name: Buffer.from(name),
    type: isFolder ? 'dir' : 'file',
    mode: goModeOf(isFolder ? 0o040700 : 0o100600),
    mtime: time,
    atime: time,
    ctime: time,
    uid: 0,
    gid: 0,
    user: '',
    group: '',
    inode: 0n,
    deviceId: 0n,
    links: 1n,
    device: 0n,
    size: isFolder ? 0n : BigInt(content.size),
    content: isFolder ? null : content.ids,
    ...(isFolder && { subtree: content.subtree }),
  }
}

/** A file of a snapshot that was saved so. */
export interface SavedFile {
  readonly name: string
  readonly size: number
  /** Its pieces, each proven against its hash. */
  pieces(options?: Cancellable): AsyncIterable<Buffer>
}

/** The files in a folder at the root of a snapshot; undefined: the snapshot has no such folder. */
export async function loadFiles(
  repository: IndexedRepository,
  snapshot: NamedSnapshot,
  { folder, signal }: Cancellable & { readonly folder: string },
): Promise<SavedFile[] | undefined> {
  const root = await loadTree(repository, snapshot.tree, { signal })
  const at = [...root].find((node) => node.name.toString() === folder && node.type === 'dir')
  if (!at?.subtree) return undefined
  const files: SavedFile[] = []
  for (const node of await loadTree(repository, at.subtree, { signal })) {
    if (node.type !== 'file') continue
    const content = Buffer.from(node.content ?? [])
    files.push({
      name: node.name.toString(),
      size: Number(node.size),
      pieces: (options = {}) => piecesOf(repository, content, options),
    })
  }
  return files
}

async function* piecesOf(repository: IndexedRepository, content: Buffer, options: Cancellable): AsyncIterable<Buffer> {
  for (let at = 0; at < content.length; at += 32) {
    yield await loadBlob(repository, 'data', content.subarray(at, at + 32), options)
  }
}
