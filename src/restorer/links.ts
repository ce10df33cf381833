import { hash } from 'node:crypto'

import type { RestorePlan } from './plan.ts'
import type { RestoreNode } from './repository.ts'
import type { TargetEntry } from './target.ts'

interface First {
  readonly entry: number
  /** Of type and content: an inode number that stands for two contents is not to be believed. */
  readonly content: string
  /** What lies at the first's name now. */
  readonly identity: string | undefined
}

/** Finds the names that are second names of a file: same inode and device, more than one link. */
export class LinkIndex {
  readonly #plan: RestorePlan
  readonly #firsts = new Map<string, First>()
  /** Links that are in place already, if their first is left where it is. */
  readonly #inPlace: { readonly entry: number; readonly first: number }[] = []

  constructor(plan: RestorePlan) {
    this.#plan = plan
  }

  add(entry: number, node: RestoreNode, existing: TargetEntry | undefined): void {
    if (node.links <= 1n) return
    const key = `${node.deviceId}:${node.inode}`
    const content = contentKey(node)
    const first = this.#firsts.get(key)
    if (first === undefined) {
      this.#firsts.set(key, { entry, content, identity: existing?.identity })
      return
    }
    if (first.content !== content) return
    const { entries } = this.#plan
    entries.firsts.set(entry, first.entry)
    entries.setAction(entry, 'link')
    const isSameFile = existing !== undefined && existing.links > 1 && existing.identity === first.identity
    if (isSameFile) this.#inPlace.push({ entry, first: first.entry })
  }

  /** Once it is known which files stay: links to a file that is replaced must be made anew. */
  finish(): void {
    const { entries } = this.#plan
    for (const { entry, first } of this.#inPlace) {
      if (entries.action(first) !== 'same') continue
      entries.firsts.delete(entry)
      entries.setAction(entry, 'same')
    }
    this.#firsts.clear()
  }
}

function contentKey(node: RestoreNode): string {
  const content = node.content
  if (content === null || content.length <= 32) return `${node.type}:${content?.toString('latin1') ?? ''}`
  return `${node.type}:${hash('sha256', content)}`
}
