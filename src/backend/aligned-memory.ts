import { WebAssembly, hasCode } from '#base'

const pageSize = 64 << 10

/** Offsets, lengths and memory of direct reads and writes are multiples of this: the largest block that disks have. */
export const block = 4096
export const bytesAtOnce = 4 << 20

/** What file systems without direct reads and writes answer (tmpfs, some of the network). */
const unsupported = ['EINVAL', 'ENOTSUP', 'EOPNOTSUPP']

export function isDirectUnsupported(error: unknown): boolean {
  return unsupported.some((code) => hasCode(error, code))
}

/** Memory that lies at the start of a page, as direct reads and writes want it: that of WebAssembly does, Node's own buffers do not. */
export function alignedMemory(): Uint8Array {
  return new Uint8Array(new WebAssembly.Memory({ initial: bytesAtOnce / pageSize }).buffer)
}
