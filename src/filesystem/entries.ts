import type { EntryStat, SourceEntry, SourceFolder } from '#archiver'

import type { PatternStates } from './exclude.ts'
import type { FileRef } from './node.ts'
import { fromRaw } from './platform/index.ts'
import type { TargetNode } from './target-tree.ts'

/**
 * What the source of local disks hands to the archiver and gets back. Paths are kept as raw strings, which share their
 * beginnings; buffers are made when somebody asks.
 */

/** A folder at the top of the snapshot, made of the targets in it. */
export class TargetFolder implements SourceFolder {
  readonly node: TargetNode
  readonly #path: string

  constructor(node: TargetNode, path: string) {
    this.node = node
    this.#path = path
  }

  get path(): Buffer {
    return fromRaw(this.#path)
  }
}

/** Everything below a target shares this. */
export interface WalkRules {
  /** Length of the reading path that the user named: above it symlinks are followed. */
  readonly trusted: number
  /** With `--one-file-system`: the only device whose entries are taken. */
  readonly device: bigint | undefined
}

/** A folder on the disk. */
export class DiskFolder implements SourceFolder {
  /** The path as the user knows it; filters apply to it. Raw. */
  readonly raw: string
  /** Where it is read: another path when a volume snapshot stands in for the volume. */
  readonly at: string
  readonly stat: EntryStat
  readonly rules: WalkRules
  readonly states: PatternStates
  /** A mount point that is not to be entered. */
  readonly isBarred: boolean

  constructor(parts: Omit<DiskFolder, 'path'>) {
    this.raw = parts.raw
    this.at = parts.at
    this.stat = parts.stat
    this.rules = parts.rules
    this.states = parts.states
    this.isBarred = parts.isBarred
  }

  get path(): Buffer {
    return fromRaw(this.raw)
  }
}

export class DiskEntry implements SourceEntry {
  readonly name: Buffer
  readonly stat: EntryStat
  readonly folder?: SourceFolder
  /** Raw. */
  readonly at: string
  readonly raw: string
  readonly #trusted: number
  /** A folder above the targets: its attributes may be unreadable to us without that being worth a word. */
  readonly isAbove: boolean

  constructor(parts: {
    readonly name: string
    readonly stat: EntryStat
    readonly raw: string
    readonly at: string
    readonly trusted: number
    readonly folder?: SourceFolder | undefined
    readonly isAbove?: boolean
  }) {
    this.name = fromRaw(parts.name)
    this.stat = parts.stat
    this.raw = parts.raw
    this.at = parts.at
    this.#trusted = parts.trusted
    this.isAbove = parts.isAbove ?? false
    if (parts.folder) this.folder = parts.folder
  }

  get path(): Buffer {
    return fromRaw(this.raw)
  }

  get ref(): FileRef | undefined {
    if (this.stat.type !== 'file') return undefined
    const { inode, deviceId } = this.stat
    const name = this.name.toString('latin1')
    const ref = { path: this.at, inode, deviceId, trusted: this.#trusted }
    return this.at.endsWith(`/${name}`) ? ref : { ...ref, name }
  }
}
