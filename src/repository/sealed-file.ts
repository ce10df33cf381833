import { createHash } from 'node:crypto'
import type { FileType } from '#backend'
import type { BlobCodec } from './blob-codec.ts'
import { RepositoryError } from './errors.ts'
import type { Config } from './format/config.ts'
import { decodeUnpacked } from './format/unpacked.ts'
import { isMarkedId } from './repository-id.ts'

/** The kinds of unpacked, sealed file that are named for their hash. */
export type SealedFileType = Extract<FileType, 'lock' | 'snapshot' | 'index'>

/** Most bytes of JSON that an unpacked file may have: an index of 50,000 blobs has 10 MB. */
const largestJson = { lock: 1 << 20, snapshot: 64 << 20, index: 1 << 30 } as const

/** What it takes to open unpacked files. */
export interface FileOpener {
  readonly codec: BlobCodec
  readonly plainAllowed: boolean
}

/** The JSON of an unpacked file. Throws `FILE_DAMAGED`, and what says in which way it does not open. */
export function openSealedFile(
  { codec, plainAllowed }: FileOpener,
  { type, name }: { readonly type: SealedFileType; readonly name: string },
  sealed: Uint8Array,
): Buffer {
  if (createHash('sha256').update(sealed).digest('hex') !== name) {
    throw damagedFile(type, name, 'its content is not what its name says')
  }
  const plain = codec.openBytes(sealed)
  const json = decodeUnpacked(plain, { zstd: codec.primitives.zstd, max: largestJson[type], plainAllowed })
  return Buffer.from(json.buffer, json.byteOffset, json.length)
}

/** A repository that was upgraded from version 1 keeps files of that time, which are not compressed. */
export function allowsPlainFiles({ version, id }: Config): boolean {
  return version === 1 || !isMarkedId(id)
}

export function damagedFile(type: FileType, name: string, reason: string, cause?: unknown): RepositoryError {
  return new RepositoryError('FILE_DAMAGED', { type, name: name.slice(0, 10) || 'file', reason, cause })
}
