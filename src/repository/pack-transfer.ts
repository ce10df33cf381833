import type { PackedBlobs, SealedPack } from './packer.ts'
import type { SharedPacks } from './threads/shared-packs.ts'

/** A complete pack on its way from the thread that built it to the main thread, which writes it. No byte is copied. */
export interface PackMessage {
  readonly kind: 'pack'
  /** Raw name, 32 bytes. */
  readonly name: Uint8Array
  /** Number of the shared buffer that the pack lies in. */
  readonly buffer: number
  /** Bytes of the pack, from the start of the buffer. */
  readonly length: number
  readonly blobs: PackedBlobs
}

export function packSealedPack({ name, bytes, blobs }: SealedPack, buffer: number): PackMessage {
  return { kind: 'pack', name: Uint8Array.from(name), buffer, length: bytes.length, blobs }
}

export function unpackSealedPack({ name, buffer, length, blobs }: PackMessage, packs: SharedPacks): SealedPack {
  const content = packs.contents[buffer] as SharedArrayBuffer
  return { name: Buffer.from(name), bytes: Buffer.from(content, 0, length), blobs }
}
