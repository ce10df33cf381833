import type { PackedBlobs, SealedPack } from './packer.ts'
import type { SharedPackBuffer } from './threads/memory.ts'

/** A complete pack on its way from the thread that built it to the main thread, which writes it. No byte is copied. */
export interface PackMessage {
  readonly kind: 'pack'
  /** Raw name, 32 bytes. */
  readonly name: Uint8Array
  readonly buffer: SharedPackBuffer
  /** Bytes of the pack, from the start of the buffer. */
  readonly length: number
  readonly blobs: PackedBlobs
}

export function packSealedPack(pack: SealedPack, buffer: SharedPackBuffer | undefined): PackMessage {
  if (!buffer) throw new TypeError('a pack was built outside the buffers that threads share')
  const { name, bytes, blobs } = pack
  return { kind: 'pack', name: Uint8Array.from(name), buffer, length: bytes.length, blobs }
}

export function unpackSealedPack({ name, buffer, length, blobs }: PackMessage): SealedPack {
  return { name: Buffer.from(name), bytes: Buffer.from(buffer.bytes, 0, length), blobs }
}
