import type { ByteRange, FileRef } from './backend.ts'
import { BackendError } from './errors.ts'
import { fileDetails } from './layout.ts'

/** A copy, in memory of its own, of the asked part of a whole file. */
export function sliceRange(
  whole: Uint8Array,
  file: FileRef,
  { range, location }: { readonly range?: ByteRange | undefined; readonly location: string },
): Buffer {
  const { offset, length } = range ?? { offset: 0, length: whole.length }
  checkRange({ offset, length }, whole.length, { file, location })
  const part = Buffer.allocUnsafeSlow(length)
  part.set(whole.subarray(offset, offset + length))
  return part
}

/** Throws `FILE_TOO_SHORT` unless a file of `size` bytes holds all of `range`. */
export function checkRange(
  { offset, length }: ByteRange,
  size: number,
  { file, location }: { readonly file: FileRef; readonly location: string },
): void {
  if (!(offset >= 0 && length >= 0)) throw new RangeError(`not a range: ${offset}+${length}`)
  if (offset + length > size) throw new BackendError('FILE_TOO_SHORT', fileDetails(file, location))
}
