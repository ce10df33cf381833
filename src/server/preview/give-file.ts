import type { FileToPreview } from './preview.ts'
import type { ReadingProcess } from './reading-process.ts'
import type { TimeLimit } from './time-limit.ts'

/** Bytes that are given at once. */
const pieceLength = 64 << 10

/**
 * Gives the process the file, until it has ended: most files are not read to their end. The time in which the file is
 * waited for is not the process's.
 */
export async function giveFile(
  content: FileToPreview['content'],
  process: ReadingProcess,
  { time }: { readonly time: TimeLimit },
): Promise<void> {
  const hasEnded = process.ended.then(
    () => 'ended' as const,
    () => 'ended' as const,
  )
  const pieces = content instanceof Uint8Array ? piecesOf(content) : content[Symbol.asyncIterator]()
  for (;;) {
    time.pause()
    const next = await Promise.race([pieces.next(), hasEnded])
    time.resume()
    // Storage may take its time for a piece that nobody needs any more.
    if (next === 'ended') return void pieces.return?.(undefined).catch(() => undefined)
    if (next.done) return process.endInput()
    if (!(await process.write(next.value))) break
  }
  await pieces.return?.(undefined)
}

async function* piecesOf(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.length; at += pieceLength) yield bytes.subarray(at, at + pieceLength)
}
