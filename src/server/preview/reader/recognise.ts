import type { PreviewType } from '#protocol'
import { isBinary } from './encoding.ts'

/** Bytes of a file's beginning by which its type is known. */
export const headLength = 8192

/** A type, or a container that has to be looked into. */
export type Recognised = PreviewType | 'compound'

type Mark = readonly [type: Recognised, bytes: string, at?: number]

/** Beginnings that no text has. */
const marks: readonly Mark[] = [
  ['png', '\x89PNG\r\n\x1a\n'],
  ['jpeg', '\xff\xd8\xff'],
  ['gif', 'GIF87a'],
  ['gif', 'GIF89a'],
  ['zip', 'PK\x03\x04'],
  ['zip', 'PK\x05\x06'],
  ['compound', '\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1'],
  ['database', 'SQLite format 3\0'],
  ['database', '\0\x01\0\0Standard Jet DB'],
  ['database', '\0\x01\0\0Standard ACE DB'],
  ['database', '\x01\x0f\0\0\x01'],
  ['database', 'PGDMP'],
  ['mailbox', '!BDN'],
  ['archive', '\x1f\x8b'],
  ['archive', "7z\xbc\xaf'\x1c"],
  ['archive', 'Rar!\x1a\x07'],
  ['archive', '\xfd7zXZ\0'],
  ['archive', '\x28\xb5\x2f\xfd'],
  ['archive', 'BZh'],
  ['archive', 'ustar', 257],
  ['program', '\x7fELF'],
  ['program', '\xca\xfe\xba\xbe'],
  ['program', '\xcf\xfa\xed\xfe'],
  ['program', '\0asm'],
  ['program', 'MZ'],
  ['disk', 'KDMV'],
  ['disk', 'vhdxfile'],
  ['disk', 'conectix'],
  ['disk', 'QFI\xfb'],
  ['image', 'II*\0'],
  ['image', 'MM\0*'],
  ['image', '8BPS'],
  ['image', '\0\0\x01\0'],
  ['image', 'ftypheic', 4],
  ['image', 'ftypmif1', 4],
  ['image', 'ftypavif', 4],
  ['drawing', 'AC10'],
  ['audio', 'ftypM4A', 4],
  ['video', 'ftyp', 4],
  ['video', '\x1a\x45\xdf\xa3'],
  ['video', '\0\0\x01\xba'],
  ['audio', 'ID3'],
  ['audio', 'OggS'],
  ['audio', 'fLaC'],
  ['audio', '\xff\xfb'],
  ['audio', '#!AMR'],
  ['bmp', 'BM'],
]

/** Of the files that begin with RIFF, by what follows the length. */
const riffTypes: Readonly<Record<string, PreviewType>> = { WEBP: 'webp', WAVE: 'audio', 'AVI ': 'video' }

/** What kinds of text are told apart by their names only. */
const textTypes: Readonly<Record<string, PreviewType>> = { csv: 'csv', tsv: 'csv', eml: 'mail' }

/** The type of a file by its first bytes, and only for text by the extension of its name. */
export function recognise(head: Buffer, extension: string): Recognised {
  const start = head.toString('latin1')
  if (start.startsWith('%PDF-')) return 'pdf'
  if (!isBinary(head)) return (Object.hasOwn(textTypes, extension) && textTypes[extension]) || 'text'
  // The format allows other bytes before its mark.
  if (start.slice(0, 1024).includes('%PDF-')) return 'pdf'
  if (start.startsWith('RIFF')) return riffTypes[start.slice(8, 12)] ?? 'unknown'
  return marks.find(([, bytes, at = 0]) => start.startsWith(bytes, at))?.[0] ?? 'unknown'
}
