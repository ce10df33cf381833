import type { TextPreview } from '#protocol'
import { decodeText } from './encoding.ts'
import type { FileInput } from './file-input.ts'
import { Refused } from './refused.ts'

/** The beginning of a text file. */
export async function readText(file: FileInput): Promise<TextPreview> {
  const { bytes, isCutOff } = await firstBytes(file, file.limits.textBytes)
  const { encoding, text } = decodeText(bytes)
  return { ...textPreview('text', [text], { isCutOff }), encoding }
}

/** As many bytes of the file as may be shown, and whether there are more. */
export async function firstBytes(file: FileInput, count: number): Promise<{ bytes: Buffer; isCutOff: boolean }> {
  const bytes = await file.first(count + 1)
  return { bytes: bytes.subarray(0, count), isCutOff: bytes.length > count }
}

/** The text of a document; refuses one that has none, instead of showing an empty page. */
export function documentPreview(...[type, pages, about]: Parameters<typeof textPreview>): TextPreview {
  if (pages.every((page) => page.trim() === '')) throw new Refused('PREVIEW_NO_TEXT')
  return textPreview(type, pages, about)
}

/** Text, page by page. */
export function textPreview(
  type: TextPreview['type'],
  pages: readonly string[],
  { isCutOff, pageCount = null }: { readonly isCutOff: boolean; readonly pageCount?: number | null },
): TextPreview {
  const lines = pages.reduce((sum, page) => sum + countLines(page), 0)
  return { kind: 'text', type, encoding: null, pages: [...pages], pageCount, lines, isCutOff }
}

function countLines(text: string): number {
  let lines = 0
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines++
  return text === '' || text.endsWith('\n') ? lines : lines + 1
}
