import { mapOrdered } from '#base'
import { openBackend } from '#backend'
import type { ByteRange, FileRef } from '#backend'
import type { AgentWork } from './job.ts'

/** Bytes that one read fetches. */
const pieceBytes = 4 << 20
/** Packs that are read from. */
const mostPacks = 16
/** A line is measured for so long, in milliseconds: a shorter time says nothing about it. */
const measureFor = 2_000
const mostBytes = 128 << 20

/**
 * Bytes a second that come over the line from the machine's repository, while nothing else of the agent's uses it: parts of packs
 * are fetched, as a restore fetches them, and thrown away. Undefined: there is nothing to fetch yet.
 */
export async function measureLine({
  repository: { url, user, secret },
  certificateFile,
  clock,
  signal,
  report,
}: AgentWork): Promise<{ readonly bytesPerSecond: number } | undefined> {
  report({ step: 'measure the line' })
  const location = new URL(url)
  location.username = user
  location.password = secret
  const tls = certificateFile === undefined ? {} : { tls: { cacerts: [certificateFile] } }
  await using backend = openBackend(`rest:${location.href}`, { ...tls, clock })
  const pieces: { readonly file: FileRef; readonly range: ByteRange }[] = []
  for await (const { name, size } of backend.list('pack', { signal })) {
    pieces.push({ file: { type: 'pack', name }, range: { offset: 0, length: Math.min(size, pieceBytes) } })
    if (pieces.length === mostPacks) break
  }
  const begun = clock.monotonic()
  const isLongEnough = () => clock.monotonic() - begun >= measureFor
  let bytes = 0
  // A small repository is fetched again and again.
  function* calls() {
    let asked = 0
    for (let call = 0; !isLongEnough() && asked < mostBytes; call++) {
      const piece = pieces[call % pieces.length]
      if (!piece) return
      asked += piece.range.length
      yield piece
    }
  }
  const fetchPiece = async ({ file, range }: (typeof pieces)[number]) =>
    (await backend.read(file, { range, signal })).length
  for await (const length of mapOrdered(calls(), fetchPiece, { concurrency: backend.connections, signal })) {
    bytes += length
  }
  const seconds = (clock.monotonic() - begun) / 1000
  return bytes > 0 && seconds > 0 ? { bytesPerSecond: Math.round(bytes / seconds) } : undefined
}
