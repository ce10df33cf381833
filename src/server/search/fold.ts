import { bytesColumn, wordsColumn } from './column.ts'
import type { IndexTable } from './table.ts'

/**
 * Names as they are compared: without case and accents, and without the differences between one way of writing a letter and
 * another (composed or not, full width, ligatures). As UTF-8, so that bytes can be looked for.
 */

/** Letters that Unicode does not take apart, and that people write without what makes them special. */
const others: Readonly<Record<string, string>> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  đ: 'd',
  ð: 'd',
  ł: 'l',
  þ: 'th',
  ı: 'i',
  ς: 'σ',
}

export function foldText(text: string): string {
  const plain = text
    .normalize('NFKD')
    .toLowerCase()
    .normalize('NFKD')
    .replace(/[\u0300-\u036f]/g, '')
  return plain.replace(/[ßæœøđðłþıς]/g, (letter) => others[letter] as string)
}

/** Between two names; no name has it in it. */
const separator = 0

/** The folded names of a table, one after the other. */
export class FoldedNames {
  readonly bytes = bytesColumn()
  /** Where the name of each path ends; it begins one after the end of the one before. */
  readonly ends = wordsColumn()

  /** Adds the names that have come to the table. */
  extend(table: IndexTable): void {
    const { values: nameEnds } = table.nameEnds
    const from = this.ends.length
    const firstByte = from === 0 ? 0 : (nameEnds[from - 1] as number)
    this.ends.reserve(table.pathCount - from)
    this.bytes.reserve(table.names.length - firstByte + table.pathCount - from)
    for (let path = from; path < table.pathCount; path++) {
      const start = path === 0 ? 0 : (nameEnds[path - 1] as number)
      this.#add(table.names.values, start, nameEnds[path] as number)
    }
  }

  startOf(path: number): number {
    return path === 0 ? 0 : (this.ends.values[path - 1] as number) + 1
  }

  get memory(): number {
    return this.bytes.memory + this.ends.memory
  }

  release(): void {
    this.bytes.release()
    this.ends.release()
  }

  #add(names: Uint8Array, start: number, end: number): void {
    const { bytes } = this
    bytes.reserve(end - start + 1)
    const { values } = bytes
    let to = bytes.length
    for (let at = start; at < end; at++) {
      const byte = names[at] as number
      if (byte >= 0x80) return this.#addFolded(names.subarray(start, end))
      values[to++] = byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte
    }
    values[to] = separator
    bytes.length = to + 1
    this.ends.push(to)
  }

  #addFolded(name: Uint8Array): void {
    const text = Buffer.from(name.buffer, name.byteOffset, name.length).toString('utf8')
    const folded = Buffer.from(foldText(text))
    this.bytes.extend(folded.length).set(folded)
    this.ends.push(this.bytes.length)
    this.bytes.push(separator)
  }
}
