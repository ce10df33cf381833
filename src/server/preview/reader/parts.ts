import { Refused } from './refused.ts'
import { Unpacking, makeZip } from './zip.ts'
import type { ZipEntry } from './zip.ts'

/** A packed document: its bytes and what is in it. */
export interface Packed {
  readonly bytes: Buffer
  readonly entries: readonly ZipEntry[]
}

/**
 * The parts that a reader needs, as a ZIP file that unpacks to what it says: the readers know no bounds.
 * `change` may shorten a part.
 */
export async function repack(
  { bytes, entries }: Packed,
  {
    most,
    needs,
    change,
  }: {
    readonly most: number
    readonly needs: (name: string) => boolean
    readonly change?: (
      name: string,
    ) => { readonly most: number; readonly shorten: (xml: string, isCutOff: boolean) => string } | undefined
  },
): Promise<Buffer> {
  const unpacking = new Unpacking(bytes, most)
  const parts = new Map<string, Buffer>()
  for (const entry of entries.filter(({ name }) => needs(name))) {
    if (parts.has(entry.name)) throw new Refused('PREVIEW_DAMAGED')
    const changed = change?.(entry.name)
    const part = await unpacking.unpack(entry, changed?.most)
    refuseDeclarations(part.bytes)
    const content = changed ? Buffer.from(changed.shorten(part.bytes.toString('utf8'), part.isCutOff)) : part.bytes
    parts.set(entry.name, content)
  }
  return makeZip(parts)
}

/** True for the parts that say something in words. */
export function isXml(name: string): boolean {
  return name.endsWith('.xml') || name.endsWith('.rels')
}

/**
 * Documents have no document type declarations (ECMA-376 part 2, 7.1.4): whoever writes one has entities in mind that
 * grow without end, or that reach for other files.
 */
export function refuseDeclarations(xml: Buffer): void {
  if (xml.includes('<!DOCTYPE') || xml.includes('<!ENTITY') || xml.includes('<!DOCTYPE', 0, 'utf16le')) {
    throw new Refused('PREVIEW_DAMAGED')
  }
}
