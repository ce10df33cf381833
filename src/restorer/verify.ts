import type { Cancellable } from '#base'

import { RestorerError } from './errors.ts'
import type { RestoreResult } from './execute.ts'
import type { RestoreFailure } from './failures.ts'
import { FailureList } from './failures.ts'
import type { RestorePlan } from './plan.ts'
import { joinPath } from './plan.ts'
import { blobLengths } from './plan-compare.ts'
import type { RestoreNode, RestoreRepository } from './repository.ts'
import type { CompareJob, Comparison, Target } from './target.ts'

export interface VerifyResult {
  /** Files that were read. */
  readonly files: number
  readonly bytes: number
  /** Files that do not hold what the snapshot says. */
  readonly problems: FailureList
}

export interface VerifyOptions extends Cancellable {
  readonly progress?: (seen: { readonly files: number; readonly bytes: number }) => void
  readonly onProblem?: (problem: RestoreFailure) => void
}

/** Files that are compared together. */
const mostFiles = 512
const mostBlobs = 65_536

/** Reads every file that the restore has written again, and compares it with the snapshot, blob by blob. */
export async function verifyRestored(
  repository: RestoreRepository,
  plan: RestorePlan,
  result: Pick<RestoreResult, 'done'>,
  target: Target,
  options: VerifyOptions = {},
): Promise<VerifyResult> {
  const problems = new FailureList(options.onProblem)
  let files = 0
  let bytes = 0
  for await (const jobs of batches(writtenFiles(repository, plan, result, options))) {
    const comparisons = await target.compare(jobs, { signal: options.signal })
    for (const [index, comparison] of comparisons.entries()) {
      const job = jobs[index] as CompareJob
      files++
      bytes += comparison.size ?? 0
      const reason = differenceOf(job, comparison)
      if (reason) problems.add(job.path, new RestorerError('CONTENT_DIFFERS', { path: job.path, reason }))
    }
    options.progress?.({ files, bytes })
  }
  return { files, bytes, problems }
}

async function* writtenFiles(
  repository: RestoreRepository,
  plan: RestorePlan,
  { done }: Pick<RestoreResult, 'done'>,
  { signal }: Cancellable,
): AsyncGenerator<CompareJob> {
  const { folders, entries } = plan
  const isWanted = (entry: number) => {
    const action = entries.action(entry)
    return done[entry] === 1 && (action === 'new' || action === 'changed')
  }
  for (const folder of folders.visited()) {
    signal?.throwIfAborted()
    const wanted = new Map<number, number>()
    for (let entry = folders.firstEntry(folder); entry < folders.endEntry(folder); entry++) {
      if (isWanted(entry)) wanted.set(entries.node(entry), entry)
    }
    if (wanted.size === 0) continue
    const path = folders.path(folder)
    let position = 0
    for (const node of await repository.loadTree(Buffer.from(folders.tree(folder)), { signal })) {
      const entry = wanted.get(position++)
      if (entry !== undefined && node.type === 'file') {
        const job = jobFor(repository, node, joinPath(path, node.name))
        if (job) yield job
      }
      if (entry !== undefined && wanted.size === 1) break
      if (entry !== undefined) wanted.delete(position - 1)
    }
  }
}

function jobFor(repository: RestoreRepository, node: RestoreNode, path: Buffer): CompareJob | undefined {
  const ids = Buffer.from(node.content ?? Buffer.alloc(0))
  const lengths = blobLengths(repository, ids)
  return lengths && { path, ids, lengths }
}

async function* batches(jobs: AsyncIterable<CompareJob>): AsyncGenerator<CompareJob[]> {
  let batch: CompareJob[] = []
  let blobs = 0
  for await (const job of jobs) {
    batch.push(job)
    blobs += job.lengths.length
    if (batch.length < mostFiles && blobs < mostBlobs) continue
    yield batch
    batch = []
    blobs = 0
  }
  if (batch.length > 0) yield batch
}

function differenceOf(job: CompareJob, { size, matches, error }: Comparison): string | undefined {
  if (size === undefined) return error?.message ?? 'it is not there, or no file'
  const total = job.lengths.reduce((sum, length) => sum + length, 0)
  if (size !== total) return `it has ${size} bytes, not ${total}`
  const wrong = matches.indexOf(0)
  if (wrong < 0) return undefined
  const offset = job.lengths.subarray(0, wrong).reduce((sum, length) => sum + length, 0)
  return `its content is wrong from byte ${offset} on`
}
