import { LocalBackend } from '#backend'
import { RepositoryError, idFromHex, loadIndex, loadTree, openRepository } from '#repository'
import type { IndexedRepository, Node } from '#repository'
import { password, treeOf } from '../base.ts'
import type { Batch } from '../base.ts'
import { hasJudged, hasPanicked, stable, timeOf, unknownValue, verdictOf } from '../kind.ts'
import type { FuzzKind, ResticRun, RunRestic, Verdict, Verdicts } from '../kind.ts'
import { mutateJson } from '../mutate.ts'

/** A node as `restic find --json` prints it; numbers are their digits. */
interface FoundNode {
  readonly path: string
  readonly type: string
  readonly mtime: string
  readonly [field: string]: string
}

interface Found {
  readonly snapshot: string
  readonly matches: readonly FoundNode[]
}

/** The snapshots of the last batch, by their id. */
const treesOfSnapshots = new Map<string, string>()

/** The JSON of trees, with one to three nodes each. */
export const treeKind: FuzzKind = {
  name: 'tree',
  atOnce: 60,
  make(random, base) {
    const count = 1 + random.below(3)
    const at = random.below(Math.max(1, base.nodes.length - count))
    return mutateJson(treeOf(base.nodes.slice(at, at + count)), random)
  },
  put(batch, mutants) {
    batch.clear('snapshots')
    treesOfSnapshots.clear()
    const trees = batch.putTrees(mutants)
    for (const tree of new Set(trees)) treesOfSnapshots.set(batch.putSnapshotOf(tree), tree)
    return trees
  },
  theirs: readByRestic,
  ours: readByUs,
}

/**
 * `check` says which trees are bad, `find` what stands in the others. `find` ends at the first folder without a subtree
 * or node without a type, which `check` merely names; snapshots of one time come in any order, so such a tree may hide
 * any others, even all of them.
 */
async function readByRestic(_: Batch, names: readonly string[], run: RunRestic): Promise<Verdicts> {
  const checked = await run('check', '--no-lock', '--no-cache')
  if (!hasJudged(checked)) return {}
  const found = await run('find', '--json', '--no-lock', '--no-cache', '*')
  if (hasPanicked(found)) return {}
  const { unreadable, values } = readFound(found)
  if (!values && names.length > 1) return {}
  const bad = reasonsByTree(checked.stderr)
  return Object.fromEntries(
    names.map((name): [string, Verdict] => {
      const why = bad.get(name.slice(0, 8)) ?? unreadable.get(name) ?? whyEnded(found)
      const value = values ? (values.get(name) ?? '[]') : unknownValue
      return [name, why === undefined ? { accepted: true, value } : { accepted: false, why }]
    }),
  )
}

interface FoundTrees {
  readonly unreadable: ReadonlyMap<string, string>
  /** Undefined when `find` has not told everything. */
  readonly values: ReadonlyMap<string, string> | undefined
}

/** Among its JSON, wherever it was just then, `find` complains of trees without sense, and of those with a folder that is not there. */
function readFound({ code, stdout, stderr }: ResticRun): FoundTrees {
  const unreadable = new Map<string, string>()
  const json = stdout.replaceAll(complaint, (text, tree?: string) => {
    if (tree !== undefined) unreadable.set(tree, text.trim())
    return ''
  })
  const isWhole = code === 0 && !stderr.includes(cannotPrint)
  return { unreadable, values: isWhole ? valuesByTree(json) : undefined }
}

const complaint = /Unable to load tree ([0-9a-f]{64})\n| \.\.\. which belongs to snapshot [0-9a-f]{64}\n/g

/** `find` leaves out a node whose time it cannot print (an offset of 24 hours), and goes on. */
const cannotPrint = 'Marshal failed'

function whyEnded({ code, stderr }: ResticRun): string | undefined {
  return code === 0 ? undefined : `find ended with ${code}: ${stderr.trim().split('\n')[0]}`
}

/** By the first eight digits of a tree's id. */
function reasonsByTree(stderr: string): Map<string, string> {
  const errors = stderr.matchAll(/error for tree ([0-9a-f]{8}):\n(.*)/g)
  return new Map([...errors].map(([, tree = '', why = '']) => [tree, why]))
}

/** Undefined when it is no JSON. */
function valuesByTree(json: string): Map<string, string> | undefined {
  const asDigits = (_: string, value: unknown, { source }: { readonly source?: string }) =>
    typeof value === 'number' ? source : value
  let all: readonly Found[]
  try {
    all = JSON.parse(json, asDigits as (key: string, value: unknown) => unknown) as readonly Found[]
  } catch {
    return undefined
  }
  return new Map(
    all.map(({ snapshot, matches }) => [
      treesOfSnapshots.get(snapshot) ?? '',
      // What lies in a folder below is no part of the tree.
      stable(matches.filter(({ path }) => path.lastIndexOf('/') === 0).map(describeTheirs)),
    ]),
  )
}

const numbers = ['mode', 'uid', 'gid', 'inode', 'size', 'links', 'device_id'] as const

function describeTheirs(node: FoundNode): unknown {
  const fields = Object.fromEntries(numbers.map((name) => [name, node[name] ?? '0']))
  const { path, type, mtime, user = '', group = '', linktarget: target = '' } = node
  return { name: path.slice(1), type, mtime: timeOf(mtime), user, group, target, ...fields }
}

async function readByUs(folder: string, names: readonly string[]): Promise<Verdicts> {
  await using backend = new LocalBackend(folder)
  using repository = await openRepository(backend, { password })
  const indexed = await loadIndex(repository)
  const verdicts: Record<string, Verdict> = {}
  for (const name of names) {
    verdicts[name] = await verdictOf(async () => {
      const seen: unknown[] = []
      for (const node of await loadTree(indexed, idFromHex(name))) {
        const problem = node.problem()
        if (problem) throw problem
        const decoded = node.decode()
        requireBlobs(indexed, decoded)
        seen.push(describeOurs(decoded))
      }
      return seen
    })
  }
  return verdicts
}

function requireBlobs({ index }: IndexedRepository, { content, subtree }: Node): void {
  const ids = content ?? Buffer.alloc(0)
  for (let at = 0; at < ids.length; at += 32) {
    const id = ids.subarray(at, at + 32)
    if (index.find('data', id) < 0)
      throw new RepositoryError('BLOB_NOT_FOUND', { type: 'data', id: id.toString('hex') })
  }
  if (subtree && index.find('tree', subtree) < 0) {
    throw new RepositoryError('BLOB_NOT_FOUND', { type: 'tree', id: subtree.toString('hex') })
  }
}

function describeOurs(node: Node): unknown {
  const { type, mtime, user, group, mode, uid, gid, inode, size, links, deviceId } = node
  const target = node.linkTarget?.toString('utf8') ?? ''
  const digits = { mode, uid, gid, inode, size, links, device_id: deviceId }
  const fields = Object.fromEntries(Object.entries(digits).map(([name, value]) => [name, value.toString()]))
  return { name: node.name.toString('utf8'), type, mtime: timeOf(mtime), user, group, target, ...fields }
}
