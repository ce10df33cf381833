import type { BlobIndex } from '../blob-index.ts'

/** How many of a file's blobs are in no index, and how many bytes the others have. */
export function measureContent(index: BlobIndex, content: Buffer): { missing: number; length: number } {
  let [missing, length] = [0, 0]
  for (let at = 0; at < content.length; at += 32) {
    const entry = index.find('data', content, at)
    if (entry < 0) missing++
    else length += index.plainLengthOf(entry)
  }
  return { missing, length }
}
