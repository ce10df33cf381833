import type { ByteRange, CallOptions } from './backend.ts'
import type { RateLimit } from './limit.ts'
import type { Handle, SftpClient } from './sftp-client.ts'

/** Contents of files over SFTP: many pieces under way at once, so that a long way costs its time only once. */

export interface Transfer extends CallOptions {
  readonly limit?: RateLimit | undefined
}

/** Locks, keys and most snapshots are no larger. */
const smallFile = 16 << 10

/** Writes all bytes to an open file. */
export async function writePieces(
  client: SftpClient,
  handle: Handle,
  bytes: Uint8Array,
  options: Transfer,
): Promise<void> {
  await transferPieces(client, { offset: 0, length: bytes.length }, client.pieces.write, options, (offset, length) =>
    client.write(handle, offset, bytes.subarray(offset, offset + length)),
  )
}

/** Fills `into` from `offset` of an open file on. Resolves to false when the file ends before. */
export async function readPieces(
  client: SftpClient,
  handle: Handle,
  { into, offset }: { readonly into: Buffer; readonly offset: number },
  options: Transfer,
): Promise<boolean> {
  let isWhole = true
  await transferPieces(client, { offset, length: into.length }, client.pieces.read, options, async (at, length) => {
    const end = at + length
    for (let next = at; next < end;) {
      const piece = await client.read(handle, next, end - next) // may be less than was asked for
      if (!piece) {
        isWhole = false
        return
      }
      into.set(piece, next - offset)
      next += piece.length
    }
  })
  return isWhole
}

/** The first piece of what is asked for; less when the file ends, as its size will tell. */
export async function readHead(
  client: SftpClient,
  handle: Handle,
  { range, limit, ...options }: Transfer & { readonly range?: ByteRange | undefined },
): Promise<Buffer> {
  const length = Math.min(range?.length ?? smallFile, limit?.stride ?? client.pieces.read)
  if (length === 0) return Buffer.alloc(0)
  await limit?.take(length, options)
  const head = (await client.read(handle, range?.offset ?? 0, length)) ?? Buffer.alloc(0)
  options.progress?.(head.length)
  return head
}

/** The first failure ends it; pieces under way are waited for, because they cannot be called back. */
async function transferPieces(
  client: SftpClient,
  { offset, length }: ByteRange,
  largest: number,
  { signal, progress, waited, limit }: Transfer,
  move: (offset: number, length: number) => Promise<void>,
): Promise<void> {
  const stride = Math.min(largest, limit?.stride ?? largest)
  const moving: Promise<void>[] = []
  const failures: unknown[] = []
  try {
    for (let done = 0; done < length && failures.length === 0; done += stride) {
      signal?.throwIfAborted()
      const piece = Math.min(stride, length - done)
      await limit?.take(piece, { signal, waited })
      const place = await client.window.enter(piece)
      const moved = move(offset + done, piece).then(() => progress?.(piece))
      moving.push(moved.catch((thrown: unknown) => void failures.push(thrown)).finally(() => place[Symbol.dispose]()))
    }
  } finally {
    await Promise.all(moving)
  }
  if (failures.length > 0) throw failures[0]
}
