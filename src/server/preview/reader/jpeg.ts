import type { ImageHeader } from './image.ts'

/** The size of a JPEG, and how it is to be turned (ITU T.81 annex B; EXIF 2.3, 4.6). */
export function jpegHeader(bytes: Buffer): ImageHeader | undefined {
  let orientation = 1
  for (const { marker, start, end } of segments(bytes)) {
    if (marker === 0xe1) orientation = exifOrientation(bytes.subarray(start, end)) ?? orientation
    if (isFrame(marker) && end - start >= 6) {
      return { height: bytes.readUInt16BE(start + 1), width: bytes.readUInt16BE(start + 3), orientation }
    }
  }
  return undefined
}

/** The segments before the image itself. Each is at least two bytes long, so this ends. */
function* segments(bytes: Buffer): Generator<{ marker: number; start: number; end: number }> {
  let at = 2
  while (at + 4 <= bytes.length && bytes[at] === 0xff) {
    const marker = bytes[at + 1] as number
    if (marker === 0xff) {
      at++ // filling
      continue
    }
    const length = bytes.readUInt16BE(at + 2)
    const end = at + 2 + length
    if (length < 2 || end > bytes.length) return
    yield { marker, start: at + 4, end }
    at = end
  }
}

/** Start of frame: all of C0 to CF but three that are tables. */
function isFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc
}

const orientationTag = 0x0112

function exifOrientation(segment: Buffer): number | undefined {
  if (segment.toString('latin1', 0, 6) !== 'Exif\0\0' || segment.length < 14) return undefined
  const tiff = segment.subarray(6)
  const isLittle = tiff.toString('latin1', 0, 2) === 'II'
  const short = (at: number) => (isLittle ? tiff.readUInt16LE(at) : tiff.readUInt16BE(at))
  const folder = isLittle ? tiff.readUInt32LE(4) : tiff.readUInt32BE(4)
  if (folder + 2 > tiff.length) return undefined
  const entries = Math.min(short(folder), Math.floor((tiff.length - folder - 2) / 12))
  for (let entry = 0; entry < entries; entry++) {
    const at = folder + 2 + entry * 12
    if (short(at) !== orientationTag) continue
    const value = short(at + 8)
    return value >= 1 && value <= 8 ? value : undefined
  }
  return undefined
}
