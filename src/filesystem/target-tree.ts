import path from 'node:path'

import { FilesystemError } from './errors.ts'
import { fromRaw } from './platform/index.ts'

/**
 * What was asked to be backed up, as the tree that the snapshot will have at its top (restic: internal/archiver/tree.go;
 * the manual calls the entries targets). An absolute target keeps all its folders, a relative one those that it names.
 * Everything is raw strings (`platform.ts`); paths are as given, relative ones relative to the working folder.
 */
export interface TargetNode {
  /** Entries below, in a folder that is made of targets and is not itself read. */
  readonly nodes: Map<string, TargetNode>
  /** Set where a target is: what lies at this path goes here. */
  path?: string | undefined
  /** Set in a folder above targets: the path whose metadata it gets. */
  metadataPath?: string
  /** True when the user named it: then no exclude applies to it. */
  explicit: boolean
  /** Tells top entries of the same name apart that lie in different folders. */
  readonly root: string
}

export type ReadNames = (folder: string) => string[]

/** Plans the top of the snapshot. Reads folders only where a target such as `.` or one inside another needs it. */
export function planTargets(targets: readonly string[], readNames: ReadNames): TargetNode {
  const top = newNode('')
  const seen = new Set<string>()
  for (const { target, explicit } of targets.flatMap((given) => expand(cleanPath(given), readNames))) {
    if (seen.has(target)) continue
    seen.add(target)
    add(top, target, explicit)
  }
  unroll(top, readNames)
  return top
}

/** Go's `path.Clean`, which decides what restic calls a target. */
export function cleanPath(raw: string): string {
  const clean = path.posix.normalize(raw)
  return clean.length > 1 && clean.endsWith('/') ? clean.slice(0, -1) : clean
}

export function joinPath(folder: string, name: string): string {
  return folder.endsWith('/') ? folder + name : `${folder}/${name}`
}

/** A target without a name of its own (`.`, `..`, `/`) stands for what is in it. */
function expand(target: string, readNames: ReadNames): { readonly target: string; readonly explicit: boolean }[] {
  if (componentsOf(target).length > 0) return [{ target, explicit: true }]
  return readNames(target).map((name) => ({ target: path.posix.join(target, name), explicit: false }))
}

function componentsOf(target: string): string[] {
  return path.posix
    .join('/', target)
    .split('/')
    .filter((part) => part !== '')
}

/** The folder that the first component lies in: `/`, `.`, or as many `..` as the target begins with. */
function rootOf(target: string): string {
  if (target.startsWith('/')) return '/'
  const ups = target.split('/').filter((part) => part === '..')
  return ups.length > 0 ? ups.join('/') : '.'
}

function newNode(root: string): TargetNode {
  return { nodes: new Map(), explicit: false, root }
}

function add(top: TargetNode, target: string, explicit: boolean): void {
  const [first = '', ...rest] = componentsOf(target)
  const root = rootOf(target)
  let node = child(top, freeName(top, first, root), root)
  let place = path.posix.join(root, first)
  for (const part of rest) {
    node.metadataPath = place
    node = child(node, part, '')
    place = joinPath(place, part)
  }
  if (rest.length > 0 && node.path !== undefined) throw twice(target)
  node.path = target
  node.explicit = explicit
}

/** `/a/data` and `b/../../data` both want to be `data`: the second becomes `data-1`. */
function freeName(top: TargetNode, wanted: string, root: string): string {
  let name = wanted
  for (let number = 1; (top.nodes.get(name)?.root ?? root) !== root; number++) name = `${wanted}-${number}`
  return name
}

function child(node: TargetNode, name: string, root: string): TargetNode {
  let found = node.nodes.get(name)
  if (!found) node.nodes.set(name, (found = newNode(root)))
  return found
}

/** Where one target lies inside another, the outer one becomes a list of what is in it, so that both can be walked once. */
function unroll(top: TargetNode, readNames: ReadNames): void {
  const waiting = [top]
  for (let node = waiting.pop(); node; node = waiting.pop()) {
    if (node.path !== undefined && node.nodes.size > 0) {
      for (const name of readNames(node.path)) unrollEntry(child(node, name, ''), joinPath(node.path, name))
      node.path = undefined
      node.explicit = false
    }
    waiting.push(...node.nodes.values())
  }
}

function unrollEntry(node: TargetNode, place: string): void {
  if (node.path !== undefined && node.path !== place) throw twice(place)
  node.path = place
}

function twice(target: string): FilesystemError {
  return new FilesystemError('TARGET_TWICE', { path: fromRaw(target) })
}
