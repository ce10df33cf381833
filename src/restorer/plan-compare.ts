import { throwIfBug } from '#base'
import type { Cancellable } from '#base'
import type { Node } from '#repository'

import type { RestorePlan } from './plan.ts'
import type { RestoreNode, RestoreRepository } from './repository.ts'
import { idAt, idBytes } from './repository.ts'
import type { CompareJob, Comparison, Target } from './target.ts'

/** How many files, and how many blobs, are compared in one go. */
const mostFiles = 512
const mostBlobs = 65_536

interface Owner {
  readonly entry: number
  readonly folder: number
}

/** Contents that are there already are read and compared in batches, while the planning goes on. */
export class PlannedComparisons {
  readonly #repository: RestoreRepository
  readonly #target: Target
  readonly #plan: RestorePlan
  readonly #options: Cancellable
  #jobs: CompareJob[] = []
  #entries: Owner[] = []
  #blobs = 0
  #running: Promise<void> = Promise.resolve()

  constructor(repository: RestoreRepository, target: Target, plan: RestorePlan, options: Cancellable) {
    this.#repository = repository
    this.#target = target
    this.#plan = plan
    this.#options = options
  }

  /** `path` is the file itself, or a leftover (in `folder`) that may hold a part of it. */
  add(entry: number, node: RestoreNode, { path, folder }: { readonly path: Buffer; readonly folder: number }): void {
    const ids = node.content ?? Buffer.alloc(0)
    const lengths = blobLengths(this.#repository, ids)
    if (lengths === undefined) return this.#dropLeftover(entry, folder) // and the execution says what is missing
    // Where the content is right, a look at the metadata in the thread saves opening the file again.
    const isWhole = this.#plan.entries.action(entry) === 'changed'
    this.#jobs.push({ path, ids: Buffer.from(ids), lengths, node: isWhole ? decoded(node) : undefined })
    this.#entries.push({ entry, folder })
    this.#blobs += lengths.length
  }

  async flushIfMany(): Promise<void> {
    if (this.#jobs.length >= mostFiles || this.#blobs >= mostBlobs) await this.#flush()
  }

  async finish(): Promise<void> {
    await this.#flush()
    await this.#running
  }

  /** Waits for the batch before, so that no more than two are in memory. */
  async #flush(): Promise<void> {
    const [jobs, entries] = [this.#jobs, this.#entries]
    ;[this.#jobs, this.#entries, this.#blobs] = [[], [], 0]
    await this.#running
    if (jobs.length === 0) return
    this.#running = this.#compare(jobs, entries)
    this.#running.catch(() => undefined) // awaited by the next flush
  }

  async #compare(jobs: readonly CompareJob[], entries: readonly Owner[]): Promise<void> {
    const results = await this.#target.compare(jobs, { signal: this.#options.signal })
    for (const [index, result] of results.entries()) {
      this.#note(entries[index] as Owner, jobs[index] as CompareJob, result)
    }
  }

  #note({ entry, folder }: Owner, job: CompareJob, { size, matches, sameMetadata }: Comparison): void {
    const { entries } = this.#plan
    const total = job.lengths.reduce((sum, length) => sum + length, 0)
    const isRight = size === total && matches.every((match) => match === 1)
    if (isRight && entries.action(entry) === 'changed') {
      entries.setAction(entry, 'same')
      if (sameMetadata) entries.setUntouched(entry)
      return
    }
    const kept = matches.reduce((sum, match, index) => sum + (match ? (job.lengths[index] as number) : 0), 0)
    if (kept === 0) return this.#dropLeftover(entry, folder)
    entries.matches.set(entry, matches)
    entries.keptBytes.set(entry, kept)
  }

  /** A leftover that holds nothing of use goes. */
  #dropLeftover(entry: number, folder: number): void {
    const { entries, deletions } = this.#plan
    const name = entries.leftovers.get(entry)
    if (name === undefined) return
    entries.leftovers.delete(entry)
    deletions.add(folder, name, true)
  }
}

/** What cannot be decoded is a failure of the execution. */
function decoded(node: RestoreNode): Node | undefined {
  try {
    return node.decode()
  } catch (thrown) {
    throwIfBug(thrown)
    return undefined
  }
}

/** The sizes of blobs, or undefined when the repository lacks one. */
export function blobLengths(repository: RestoreRepository, ids: Buffer): Uint32Array | undefined {
  const lengths = new Uint32Array(ids.length / idBytes)
  for (let index = 0; index < lengths.length; index++) {
    const place = repository.places(idAt(ids, index))[0]
    if (place === undefined) return undefined
    lengths[index] = place.plainLength
  }
  return lengths
}
