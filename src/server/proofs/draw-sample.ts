import type { Cancellable } from '#base'
import { RandomSample } from '#restorer'
import type { RestoreRepository, SampledFile, SampleLimits, Select } from '#restorer'

/** Entries that are looked at: somebody may have made a snapshot in which a few folders stand for billions. */
const mostEntries = 5_000_000

export interface DrawnSample {
  readonly files: readonly SampledFile[]
  /** Files that it was drawn from. */
  readonly offered: number
}

/** Draws a random sample of the files of a tree. */
export async function drawSample(
  repository: Pick<RestoreRepository, 'loadTree'>,
  tree: Buffer,
  { signal, ...limits }: SampleLimits & Cancellable,
): Promise<DrawnSample> {
  const sample = new RandomSample(limits)
  const waiting: { readonly tree: Buffer; readonly path: Buffer }[] = [{ tree, path: Buffer.alloc(0) }]
  let seen = 0
  for (let next = waiting.pop(); next && seen < mostEntries; next = waiting.pop()) {
    for (const node of await repository.loadTree(next.tree, { signal })) {
      seen++
      const path = Buffer.concat([next.path, slash, node.name])
      if (node.type === 'dir' && node.subtree) waiting.push({ tree: Buffer.from(node.subtree), path })
      else if (node.type === 'file') sample.offer(path, Number(node.size))
    }
  }
  return { files: sample.chosen(), offered: sample.offered }
}

/** Selects these files and no others. */
export function selectOnly(files: readonly SampledFile[]): Select {
  const wanted = new Set(files.map(({ path }) => path.toString('latin1')))
  const above = new Set([...wanted].flatMap(foldersAbove))
  return (path, isFolder) => {
    const text = path.toString('latin1')
    return { selected: wanted.has(text), childrenMayBe: isFolder && above.has(text) }
  }
}

function foldersAbove(path: string): string[] {
  const folders: string[] = []
  for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) folders.push(path.slice(0, at))
  return folders
}

const slash = Buffer.from('/')
