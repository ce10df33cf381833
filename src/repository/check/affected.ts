import { throwIfBug } from '#base'
import type { Cancellable } from '#base'
import { Bitmap } from '../bitmap.ts'
import type { Affected, AffectedPath, Finding } from './findings.ts'
import { idToHex } from '../format/ids.ts'
import type { TreeNode } from '../format/tree-node.ts'
import type { IndexedRepository } from '../repository.ts'
import type { NamedSnapshot } from '../snapshots.ts'
import { TreeLoader } from '../tree-loader.ts'
import { walkTrees } from '../walk-trees.ts'

/**
 * Finds the files and folders that problems touch, in every snapshot. All trees are walked once; then only those on the
 * way to something that is touched are gone through as paths.
 */

/** Paths that are listed for each problem. */
const mostPaths = 20
/** Folders that are gone through as paths: many snapshots, or a hostile tree, can have more paths than can be counted. */
const mostFolders = 50_000

/** What each finding touches, in their order. */
export async function findAffected(
  repository: IndexedRepository,
  snapshots: readonly NamedSnapshot[],
  findings: readonly Finding[],
  { signal }: Cancellable = {},
): Promise<Affected[]> {
  const search = new AffectedSearch(repository, findings)
  if (!search.isNeeded) return findings.map(() => nothing)
  await search.walk(snapshots, { signal })
  await search.list(snapshots, { signal })
  return search.results
}

const nothing: Affected = { paths: [], total: 0, more: false }

/** Which blobs are lost: no entry of theirs is good. By first entry, with the findings that made it so. */
export function findLost({ index }: IndexedRepository, findings: readonly Finding[]): Map<number, number[]> {
  const bad = new Map<number, number[]>()
  for (const [finding, { badEntries }] of findings.entries()) {
    for (const entry of badEntries ?? []) {
      const all = bad.get(entry)
      if (all) all.push(finding)
      else bad.set(entry, [finding])
    }
  }
  const lost = new Map<number, number[]>()
  for (const entry of bad.keys()) {
    const first = index.firstOf(entry)
    if (lost.has(first)) continue
    const copies = index.findAll(index.typeOf(entry), index.idOf(entry))
    if (!copies.every((copy) => bad.has(copy))) continue
    lost.set(first, [...new Set(copies.flatMap((copy) => bad.get(copy) ?? []))])
  }
  return lost
}

interface FolderPath {
  readonly tree: number
  readonly path: Buffer
}

class AffectedSearch {
  readonly #repository: IndexedRepository
  readonly #findings: readonly Finding[]
  readonly #lost: ReadonlyMap<number, readonly number[]>
  readonly #missingTrees = new Map<string, number>()
  /** Findings by tree (its entry) and name. */
  readonly #hits = new Map<number, Map<string, Set<number>>>()
  /** Pairs of trees: the lower one lies in the upper one. */
  readonly #edges: number[] = []
  #touched = new Bitmap(0)
  readonly #paths: AffectedPath[][]
  readonly #totals: number[]
  #isCut = false

  constructor(repository: IndexedRepository, findings: readonly Finding[]) {
    this.#repository = repository
    this.#findings = findings
    this.#lost = findLost(repository, findings)
    this.#paths = findings.map(() => [])
    this.#totals = findings.map(() => 0)
    for (const [finding, { missingTree, place }] of findings.entries()) {
      if (missingTree) this.#missingTrees.set(idToHex(missingTree), finding)
      if (place) this.#hit(place.tree, place.name, finding)
    }
  }

  get isNeeded(): boolean {
    return this.#lost.size + this.#missingTrees.size + this.#hits.size > 0
  }

  get results(): Affected[] {
    return this.#findings.map((_, finding) => ({
      paths: this.#paths[finding] ?? [],
      total: this.#totals[finding] ?? 0,
      more: this.#isCut,
    }))
  }

  /** Finds out what is touched directly, and which trees lie above it. */
  async walk(snapshots: readonly NamedSnapshot[], { signal }: Cancellable): Promise<void> {
    const visitor = {
      node: (node: TreeNode, tree: number) => this.#look(node, tree),
      folder: (subtree: number, tree: number) => void this.#edges.push(subtree, tree),
      problem: () => undefined, // one of the findings
    }
    const roots = snapshots.map(({ tree }) => tree)
    await walkTrees(this.#repository, roots, visitor, { signal })
    this.#touched = this.#above([...this.#hits.keys()])
  }

  /** Lists the paths, snapshot by snapshot. */
  async list(snapshots: readonly NamedSnapshot[], { signal }: Cancellable): Promise<void> {
    const { index } = this.#repository
    const loader = new TreeLoader(this.#repository)
    let folders = 0
    for (const { id, tree: root } of snapshots) {
      for (const finding of this.#findingsOfTree(root)) this.#add(finding, { snapshot: id, path: Buffer.from('/') })
      const waiting: FolderPath[] = [{ tree: index.find('tree', root), path: Buffer.alloc(0) }]
      for (let next = waiting.pop(); next; next = waiting.pop()) {
        if (next.tree < 0 || !this.#touched.has(next.tree)) continue
        if (++folders > mostFolders) {
          this.#isCut = true
          return
        }
        const tree = await loader.load(next.tree, { signal }).catch((thrown: unknown) => {
          signal?.throwIfAborted()
          throwIfBug(thrown)
        })
        waiting.push(...this.#listTree(tree ?? [], next, id))
      }
    }
  }

  /** Adds the paths of one tree; returns the folders to go on with. */
  #listTree(tree: Iterable<TreeNode>, { tree: entry, path }: FolderPath, snapshot: string): FolderPath[] {
    const hits = this.#hits.get(entry)
    const inner: FolderPath[] = []
    try {
      for (const node of tree) {
        const nodePath = Buffer.concat([path, Buffer.from('/'), node.name])
        for (const finding of hits?.get(node.name.toString('latin1')) ?? [])
          this.#add(finding, { snapshot, path: nodePath })
        const subtree = subtreeOf(node)
        if (subtree) inner.push({ tree: this.#repository.index.find('tree', subtree), path: nodePath })
      }
    } catch (thrown) {
      throwIfBug(thrown)
      // Malformed from here on: one of the findings.
    }
    return inner
  }

  #look(node: TreeNode, tree: number): boolean {
    const subtree = subtreeOf(node)
    if (subtree) for (const finding of this.#findingsOfTree(subtree)) this.#hit(tree, node.name, finding)
    for (const finding of this.#findingsOfContent(node)) this.#hit(tree, node.name, finding)
    return subtree !== undefined
  }

  #findingsOfTree(id: Buffer): readonly number[] {
    const entry = this.#repository.index.find('tree', id)
    if (entry >= 0) return this.#lost.get(entry) ?? []
    const finding = this.#missingTrees.get(idToHex(id))
    return finding === undefined ? [] : [finding]
  }

  #findingsOfContent(node: TreeNode): readonly number[] {
    if (this.#lost.size === 0) return []
    const content = contentOf(node)
    const found = new Set<number>()
    for (let at = 0; at < content.length; at += 32) {
      const entry = this.#repository.index.find('data', content, at)
      for (const finding of this.#lost.get(entry) ?? []) found.add(finding)
    }
    return [...found]
  }

  #hit(tree: number, name: Buffer, finding: number): void {
    const names = this.#hits.get(tree) ?? new Map<string, Set<number>>()
    this.#hits.set(tree, names)
    const key = name.toString('latin1')
    names.set(key, (names.get(key) ?? new Set()).add(finding))
  }

  #add(finding: number, path: AffectedPath): void {
    this.#totals[finding] = (this.#totals[finding] ?? 0) + 1
    const paths = this.#paths[finding]
    if (paths && paths.length < mostPaths) paths.push(path)
  }

  /** These trees and all that contain them. */
  #above(trees: number[]): Bitmap {
    const above = new Bitmap(this.#repository.index.size)
    const parents = new Map<number, number[]>()
    for (let i = 0; i < this.#edges.length; i += 2) {
      const [lower, upper] = [this.#edges[i] as number, this.#edges[i + 1] as number]
      const all = parents.get(lower)
      if (all) all.push(upper)
      else parents.set(lower, [upper])
    }
    for (let tree = trees.pop(); tree !== undefined; tree = trees.pop()) {
      if (above.add(tree)) trees.push(...(parents.get(tree) ?? []))
    }
    return above
  }
}

function subtreeOf(node: TreeNode): Buffer | undefined {
  try {
    return node.subtree
  } catch (thrown) {
    throwIfBug(thrown)
    return undefined // malformed: one of the findings
  }
}

function contentOf(node: TreeNode): Buffer {
  try {
    return node.content ?? Buffer.alloc(0)
  } catch (thrown) {
    throwIfBug(thrown)
    return Buffer.alloc(0)
  }
}
