import type { ImagePreview } from '#protocol'
import type { FileInput } from './file-input.ts'
import { jpegHeader } from './jpeg.ts'
import { Refused } from './refused.ts'

/**
 * Images are not decoded here: the browser of whoever looks at them does that. Their headers say how large they are, so
 * that those which would fill its memory are kept back.
 */

export type ImageType = ImagePreview['type']

export interface ImageHeader {
  readonly width: number
  readonly height: number
  /** As EXIF counts. Default 1, upright. */
  readonly orientation?: number
}

const headers: Readonly<Record<ImageType, (bytes: Buffer) => ImageHeader | undefined>> = {
  png: (bytes) =>
    bytes.toString('latin1', 12, 16) === 'IHDR'
      ? { width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) }
      : undefined,
  gif: (bytes) => ({ width: bytes.readUInt16LE(6), height: bytes.readUInt16LE(8) }),
  bmp: bmpHeader,
  webp: webpHeader,
  jpeg: jpegHeader,
}

/** What its header says of an image; refuses one that is damaged or too large. */
export async function readImage(file: FileInput, type: ImageType): Promise<ImagePreview> {
  const bytes = await file.whole(file.limits.imageBytes)
  const { width, height, orientation = 1 } = headerOf(bytes, type)
  if (width * height > file.limits.imagePixels) throw new Refused('PREVIEW_IMAGE_TOO_LARGE')
  return { kind: 'image', type, contentType: `image/${type}`, width, height, orientation }
}

function headerOf(bytes: Buffer, type: ImageType): ImageHeader {
  // No header that is read at fixed places is longer.
  const header = bytes.length < 32 ? undefined : headers[type](bytes)
  if (!header || header.width < 1 || header.height < 1) throw new Refused('PREVIEW_DAMAGED')
  return header
}

function bmpHeader(bytes: Buffer): ImageHeader {
  const isOldest = bytes.readUInt32LE(14) === 12
  if (isOldest) return { width: bytes.readUInt16LE(18), height: bytes.readUInt16LE(20) }
  // A height below zero says that the rows go from top to bottom.
  return { width: bytes.readInt32LE(18), height: Math.abs(bytes.readInt32LE(22)) }
}

/** https://developers.google.com/speed/webp/docs/riff_container */
function webpHeader(bytes: Buffer): ImageHeader | undefined {
  switch (bytes.toString('latin1', 12, 16)) {
    case 'VP8 ':
      return { width: bytes.readUInt16LE(26) & 0x3fff, height: bytes.readUInt16LE(28) & 0x3fff }
    case 'VP8L': {
      const sizes = bytes.readUInt32LE(21)
      return { width: (sizes & 0x3fff) + 1, height: ((sizes >>> 14) & 0x3fff) + 1 }
    }
    case 'VP8X':
      return { width: bytes.readUIntLE(24, 3) + 1, height: bytes.readUIntLE(27, 3) + 1 }
    default:
      return undefined
  }
}
