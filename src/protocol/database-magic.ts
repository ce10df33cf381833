/** Databases by the first bytes of their files. */
import type { DatabaseEngine } from './discovery.ts'

/** How many bytes are needed to tell. */
export const headLength = 32

const extensions =
  /\.(?:db|db3|s3db|sl3|sqlite|sqlite3|sqlitedb|sdb|mdb|accdb|mdf|ndf|fdb|gdb|fmp12|fp7|rdb|dat|data)$/i

/** True when a look inside helps to tell what a file of this name is. */
export function mayTellByContent(name: string): boolean {
  return extensions.test(name)
}

interface Signature {
  readonly engine: DatabaseEngine
  readonly at: number
  readonly bytes: string
}

/** Text in Latin-1. */
const signatures: readonly Signature[] = [
  { engine: 'sqlite', at: 0, bytes: 'SQLite format 3\0' },
  { engine: 'access', at: 4, bytes: 'Standard Jet DB\0' },
  { engine: 'access', at: 4, bytes: 'Standard ACE DB\0' },
  // https://github.com/evanmiller/fmptools, HACKING
  { engine: 'filemaker', at: 14, bytes: '\xc0HBAM7' },
  { engine: 'redis', at: 0, bytes: 'REDIS0' },
  // The magic of LMDB's meta page, 0xbeefc0de, behind the page's header.
  { engine: 'lmdb', at: 16, bytes: '\xde\xc0\xef\xbe' },
  // The header of SQL Server's file header page: header version 1, page type 15.
  { engine: 'sql-server', at: 0, bytes: '\x01\x0f\0\0' },
]

export function databaseByContent(head: Uint8Array): DatabaseEngine | undefined {
  const known = signatures.find((signature) => hasSignature(head, signature))
  return known?.engine ?? (isFirebird(head) ? 'firebird' : undefined)
}

function hasSignature(head: Uint8Array, { at, bytes }: Signature): boolean {
  for (let index = 0; index < bytes.length; index++) if (head[at + index] !== bytes.charCodeAt(index)) return false
  return true
}

/** Firebird's ods.h: page type 1, the page's size at 16, the version at 18 with the high bit for Firebird. */
function isFirebird(head: Uint8Array): boolean {
  if (head.length < 20 || head[0] !== 1) return false
  const word = (at: number) => (head[at] as number) | ((head[at + 1] as number) << 8)
  const isPageSize = [1024, 2048, 4096, 8192, 16384, 32768].includes(word(16))
  return isPageSize && (word(18) & 0x8000) !== 0
}
