import { hasCode, messageOf, throwIfBug } from '#base'
import type { BlobIndex } from '../blob-index.ts'
import { RepositoryError } from '../errors.ts'
import { typeTextOf, withContent } from '../format/edit-tree.ts'
import { FormatError } from '../format/errors.ts'
import { idToHex } from '../format/ids.ts'
import { isSafeName } from '../format/node.ts'
import type { PackBlobs } from '../format/pack-header.ts'
import type { TreeNode } from '../format/tree-node.ts'
import { listIndexFiles } from '../load-index.ts'
import { loadTree } from '../load-blob.ts'
import type { BlobSource } from '../load-blob.ts'
import type { Repository } from '../repository.ts'
import { planRewrite } from '../rewrite/plan-rewrite.ts'
import type { PlannedRewrite, RewritePlan } from '../rewrite/plan-rewrite.ts'
import type { EntryFate, Place, RewriteRules } from '../rewrite/rewrite-trees.ts'
import type { NamedSnapshot } from '../snapshots.ts'
import { loadIndexView } from './index-view.ts'
import type { IndexView } from './index-view.ts'
import { readPackHeaders } from './pack-headers.ts'
import { waitForSecondLook } from './second-look.ts'
import type { LookOptions } from './second-look.ts'

/** What a repaired snapshot no longer has. */
export type Loss =
  /** A file is cut to the blobs that are there. `bytes` are left of `before`. */
  | {
      readonly kind: 'content'
      readonly path: Buffer
      readonly bytes: bigint
      readonly before: bigint
      readonly blobs: number
    }
  /** The size of a file is not that of its blobs, which are all there. */
  | { readonly kind: 'size'; readonly path: Buffer; readonly bytes: bigint; readonly before: bigint }
  /** An entry cannot be read. */
  | { readonly kind: 'entry'; readonly path: Buffer; readonly reason: string }
  /** A folder cannot be read, or not to its end; at the root the whole snapshot is lost. */
  | { readonly kind: 'folder'; readonly path: Buffer; readonly reason: string }

export interface PlanSnapshotRepairOptions extends LookOptions {
  /** The originals go when what takes their place is stored. */
  readonly forget: boolean
  readonly onSnapshot?: ((snapshot: NamedSnapshot) => void) | undefined
  /** Told of each loss once: what several snapshots share is lost in all of them. */
  readonly onLoss?: ((loss: Loss) => void) | undefined
  readonly onPlanned?: ((planned: PlannedRewrite) => void) | undefined
  readonly onProgress?: ((step: 'load index', done: number, total: number | undefined) => void) | undefined
}

/** What has been found broken, to be looked at again before it counts. */
interface Damage {
  readonly missing: Set<string>
  /** Trees that cannot be read, and why. */
  readonly trees: Map<string, string>
}

/**
 * Goes through snapshots and plans what each becomes without what is missing or broken. Throws `INDEX_INCOMPLETE` when
 * what is missing may be found by a repair of the index, `STORAGE_UNSTEADY` when a tree is broken at one look only.
 */
export async function planSnapshotRepair(
  repository: Repository,
  snapshots: readonly NamedSnapshot[],
  options: PlanSnapshotRepairOptions,
): Promise<RewritePlan> {
  const { forget, onLoss } = options
  const view = await loadIndexView(repository, options)
  refuseWrongIndex(view)
  const damage: Damage = { missing: new Set(), trees: new Map() }
  const createRules = (pass: 'plan' | 'store') =>
    pass === 'plan'
      ? repairRules(view.repository.index, damage, onLoss ?? (() => undefined))
      : repairRules(view.repository.index, { missing: new Set(), trees: new Map() }, () => undefined)
  // What the backup counted stays: it is a note of what was there.
  const request = { tag: 'repaired', forget, createRules, allowEmpty: true, summary: 'never' } as const
  const plan = await planRewrite(view.repository, snapshots, request, options)
  await confirm(view, damage, options)
  return plan
}

// Whatever an index says wrongly would look like damage to files.
function refuseWrongIndex({ damagedFiles, table, sizes }: IndexView): void {
  const [damaged] = damagedFiles.keys()
  if (damaged !== undefined) throw incomplete(`the index ${damaged.slice(0, 10)} is damaged`)
  const wrong = table.packs.filter(({ name, size }) => sizes.get(name) !== size)
  if (wrong[0])
    throw incomplete(`the index is wrong about packs (${wrong.length}), ${wrong[0].name.slice(0, 10)} among them`)
}

function incomplete(reason: string): RepositoryError {
  return new RepositoryError('INDEX_INCOMPLETE', { reason })
}

function repairRules(index: BlobIndex, damage: Damage, onLoss: (loss: Loss) => void): RewriteRules<null> {
  return {
    root: null,
    keyOf: () => '',
    entry: (node, _, place) => repairEntry(index, node, place, { damage, onLoss }),
    broken: (error, place, id) => {
      if (id && hasCode(error, 'BLOB_NOT_FOUND')) damage.missing.add(`tree ${idToHex(id)}`)
      else if (id) damage.trees.set(idToHex(id), messageOf(error))
      onLoss({ kind: 'folder', path: place.path(), reason: messageOf(error) })
    },
  }
}

interface Reporting {
  readonly damage: Damage
  readonly onLoss: (loss: Loss) => void
}

function repairEntry(index: BlobIndex, node: TreeNode, place: Place, reporting: Reporting): EntryFate<null> {
  const reason = whyUnreadable(node)
  if (reason !== undefined) {
    reporting.onLoss({ kind: 'entry', path: place.path(), reason })
    return 'drop'
  }
  if (node.type === 'dir') return { enter: null }
  return node.type === 'file' ? repairFile(index, node, place, reporting) : 'keep'
}

/** Why an entry cannot be kept: no program could bring it back. A type that is not known yet is no reason. */
function whyUnreadable(node: TreeNode): string | undefined {
  if (!isSafeName(node.name)) return 'its name cannot be that of an entry'
  try {
    node.decode()
    return node.type === 'irregular' ? 'its type is irregular' : undefined
  } catch (thrown) {
    if (!(thrown instanceof FormatError)) throw thrown
    const isTypeUnknown = thrown.details['field'] === 'type' && !['', 'invalid'].includes(typeTextOf(node))
    return isTypeUnknown ? undefined : messageOf(thrown)
  }
}

function repairFile(index: BlobIndex, node: TreeNode, place: Place, { damage, onLoss }: Reporting): EntryFate<null> {
  const { content, size: before } = node
  const kept: Buffer[] = []
  let [size, blobs] = [0, 0]
  for (let at = 0; at < (content?.length ?? 0); at += 32) {
    const id = (content as Buffer).subarray(at, at + 32)
    const entry = index.find('data', id)
    if (entry < 0) {
      blobs++
      damage.missing.add(`data ${idToHex(id)}`)
    } else {
      size += index.plainLengthOf(entry)
      kept.push(id)
    }
  }
  const bytes = BigInt(size)
  if (content !== null && blobs === 0 && bytes === before) return 'keep'
  const path = place.path()
  if (blobs > 0) onLoss({ kind: 'content', path, bytes, before, blobs })
  else onLoss({ kind: 'size', path, bytes, before })
  return { replaceBy: withContent(node, Buffer.concat(kept), bytes), size: bytes }
}

/** Looks again at everything that was found broken; throws where it is not so any more, or may not be so. */
async function confirm(view: IndexView, { missing, trees }: Damage, options: LookOptions): Promise<void> {
  if (missing.size + trees.size === 0) return
  await waitForSecondLook(options)
  await confirmMissing(view, missing, options)
  const source = freshly(view.repository)
  for (const [id, reason] of trees) {
    const again = await whyBroken(source, id, options)
    if (again === reason) continue
    const detail = again === undefined ? `${reason} Later it was right` : `${reason} Later: ${again}`
    throw new RepositoryError('STORAGE_UNSTEADY', { type: 'tree', name: id.slice(0, 10), reason: detail })
  }
}

async function confirmMissing(view: IndexView, missing: ReadonlySet<string>, options: LookOptions): Promise<void> {
  if (missing.size === 0) return
  const { repository, files, marked } = view
  const known = new Set(files.map(({ name }) => name))
  for (const name of await listIndexFiles(repository, options)) {
    if (known.has(name)) continue
    throw new RepositoryError('REPAIR_OUTDATED', { reason: `there is a new index ${name.slice(0, 10)}` })
  }
  for (const [name, { blobs }] of marked) {
    if (!holdsAny(blobs, missing)) continue
    throw incomplete(`the pack ${name.slice(0, 10)}, which waits to be deleted, has some of it`)
  }
  await refuseUnindexed(view, missing, options)
}

// What was interrupted leaves packs that no index names; only those that hold what is missing matter.
async function refuseUnindexed(
  { repository, marked, table, sizes }: IndexView,
  missing: ReadonlySet<string>,
  options: LookOptions,
): Promise<void> {
  const unindexed = [...sizes].filter(([name]) => !table.get(name) && !marked.has(name))
  const headers = await readPackHeaders(
    repository,
    unindexed.map(([name, size]) => ({ name, size })),
    options,
  )
  for (const [name, header] of headers) {
    if (header.kind !== 'right' || !holdsAny(header.found, missing)) continue
    throw incomplete(`the pack ${name.slice(0, 10)}, which is in no index, has some of it`)
  }
}

function holdsAny({ count, types, ids }: PackBlobs, wanted: ReadonlySet<string>): boolean {
  for (let i = 0; i < count; i++) {
    if (wanted.has(`${types[i] === 1 ? 'tree' : 'data'} ${idToHex(ids, i * 32)}`)) return true
  }
  return false
}

async function whyBroken(source: BlobSource, id: string, { signal }: LookOptions): Promise<string | undefined> {
  try {
    for (const _ of await loadTree(source, Buffer.from(id, 'hex'), { signal }));
    return undefined
  } catch (thrown) {
    signal?.throwIfAborted()
    throwIfBug(thrown)
    return messageOf(thrown)
  }
}

/** The same repository, read past every cache. */
function freshly({ backend, index, codec }: BlobSource): BlobSource {
  const read: typeof backend.read = async (file, options) => await backend.read(file, { ...options, fresh: true })
  const fresh = new Proxy(backend, {
    get: (target, property) => {
      if (property === 'read') return read
      const value: unknown = Reflect.get(target, property)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
  return { backend: fresh, index, codec }
}
