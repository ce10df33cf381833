import type { Cancellable } from '#base'
import { RepositoryError } from '../errors.ts'
import type { Snapshot, SnapshotSummary } from '../format/snapshot.ts'
import type { IndexedRepository } from '../repository.ts'
import type { NamedSnapshot } from '../snapshots.ts'
import { TreeRewriter } from './rewrite-trees.ts'
import type { RewriteRules } from './rewrite-trees.ts'
import type { TreeResult, TreeResults } from './tree-results.ts'

/** What is to be made of snapshots. */
export interface RewriteRequest<State> {
  /** Told apart by this tag from their originals, where these stay. */
  readonly tag: string
  /** The originals go when what takes their place is stored. */
  readonly forget: boolean
  readonly hostname?: string | undefined
  /** RFC 3339. */
  readonly time?: string | undefined
  /** What becomes of the entries; undefined: all stay as they are. Asked for to plan and to carry out. */
  readonly createRules?: ((pass: 'plan' | 'store') => RewriteRules<State>) | undefined
  /** When the number and size of the files are noted in a snapshot. Default: when its trees change. */
  readonly summary?: 'never' | 'always' | undefined
  /** Accepts snapshots of which no file is left. */
  readonly allowEmpty?: boolean | undefined
}

export interface PlannedRewrite {
  readonly snapshot: NamedSnapshot
  /** `lost`: its root cannot be read; only forgetting it is left. */
  readonly fate: 'keep' | 'replace' | 'lost'
  /** What takes its place. */
  readonly replacement?: Snapshot
  /** Its trees change. */
  readonly hasNewTrees?: boolean
}

/** Everything that a rewriting will do, decided: it is shown, and then carried out as it is. */
export interface RewritePlan<State = unknown> {
  readonly repository: IndexedRepository
  readonly request: RewriteRequest<State>
  readonly snapshots: readonly PlannedRewrite[]
  readonly results: TreeResults | undefined
  readonly isEmpty: boolean
}

export interface PlanRewriteOptions extends Cancellable {
  /** Told before a snapshot is gone through. */
  readonly onSnapshot?: ((snapshot: NamedSnapshot) => void) | undefined
  /** Told what becomes of it. */
  readonly onPlanned?: ((planned: PlannedRewrite) => void) | undefined
}

/**
 * Goes through the snapshots and decides what each becomes; nothing is stored. Throws `REWRITE_EMPTY`, `TREE_TOO_DEEP`,
 * `BLOB_NOT_FOUND`, `BLOB_DAMAGED`, `FormatError`.
 */
export async function planRewrite<State>(
  repository: IndexedRepository,
  snapshots: readonly NamedSnapshot[],
  request: RewriteRequest<State>,
  { signal, onSnapshot, onPlanned }: PlanRewriteOptions = {},
): Promise<RewritePlan<State>> {
  const planned: PlannedRewrite[] = []
  const rules = request.createRules?.('plan')
  const rewriter = rules && new TreeRewriter(repository, rules, { save: idOnly(repository) })
  for (const snapshot of snapshots) {
    onSnapshot?.(snapshot)
    const result = await rewriter?.rewrite(snapshot.tree, { signal })
    const one = decide(snapshot, result, request)
    planned.push(one)
    onPlanned?.(one)
  }
  return {
    repository,
    request,
    snapshots: planned,
    results: rewriter?.results,
    isEmpty: planned.every(isUntouched(request)),
  }
}

function isUntouched({ forget }: { readonly forget: boolean }) {
  return ({ fate }: PlannedRewrite) => fate === 'keep' || (fate === 'lost' && !forget)
}

function idOnly({ codec }: IndexedRepository): (bytes: Buffer) => Promise<Buffer> {
  return async (bytes) => {
    const id = Buffer.allocUnsafeSlow(32)
    codec.primitives.hasher.sha256(bytes, id, 0)
    return id
  }
}

function decide<State>(
  snapshot: NamedSnapshot,
  result: TreeResult | undefined,
  request: RewriteRequest<State>,
): PlannedRewrite {
  if (result && !result.id) return { snapshot, fate: 'lost' }
  if (result?.isChanged && result.entries === 0 && !request.allowEmpty) {
    throw new RepositoryError('REWRITE_EMPTY', { snapshot: snapshot.id.slice(0, 8) })
  }
  const { id, summary: before, ...about } = snapshot
  const { hostname = about.hostname, time = about.time, tag, forget } = request
  const isCounted = request.summary === 'always' || (result?.isChanged && request.summary !== 'never')
  const summary = result && isCounted ? countedSummary(before, result) : before
  const isSame = hostname === about.hostname && time === about.time && isSameSummary(before, summary)
  if (!result?.isChanged && isSame) return { snapshot, fate: 'keep' }
  const tags = forget || about.tags.includes(tag) ? about.tags : [...about.tags, tag]
  const tree = result?.id ?? snapshot.tree
  const replacement = { ...about, tree, hostname, time, tags, original: id, ...(summary && { summary }) }
  return { snapshot, fate: 'replace', replacement, hasNewTrees: result?.isChanged === true }
}

const noSummary: SnapshotSummary = {
  filesNew: 0,
  filesChanged: 0,
  filesUnmodified: 0,
  dirsNew: 0,
  dirsChanged: 0,
  dirsUnmodified: 0,
  dataBlobs: 0,
  treeBlobs: 0,
  dataAdded: 0n,
  dataAddedPacked: 0n,
  totalFilesProcessed: 0,
  totalBytesProcessed: 0n,
}

function countedSummary(before: SnapshotSummary | undefined, { files, bytes }: TreeResult): SnapshotSummary {
  return { ...(before ?? noSummary), totalFilesProcessed: files, totalBytesProcessed: BigInt(bytes) }
}

function isSameSummary(a: SnapshotSummary | undefined, b: SnapshotSummary | undefined): boolean {
  return a?.totalFilesProcessed === b?.totalFilesProcessed && a?.totalBytesProcessed === b?.totalBytesProcessed
}
