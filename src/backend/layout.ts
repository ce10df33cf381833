import type { FileRef, FileType } from './backend.ts'

/** restic's layout: which folder holds which files, and what their names look like. */

/** The folder of each type, without slashes. `config` lies beside the folders. */
export const folders = {
  key: 'keys',
  lock: 'locks',
  snapshot: 'snapshots',
  index: 'index',
  pack: 'data',
} as const satisfies Record<Exclude<FileType, 'config'>, string>

const mebibyte = 1 << 20

/** The longest file of each type that is ever read whole: a storage that lies must not fill our memory. */
export const longestFile: Readonly<Record<FileType, number>> = {
  config: mebibyte,
  key: mebibyte,
  lock: mebibyte,
  snapshot: 256 * mebibyte,
  index: 1024 * mebibyte,
  pack: 4096 * mebibyte,
}

const namePattern = /^[0-9a-f]{64}$/

/** True for a name that a file of this type may have. Everything else in a repository is foreign and passed over. */
export function isValidName(type: FileType, name: string): boolean {
  return type === 'config' ? name === '' : namePattern.test(name)
}

/** Where a file lies in a folder-like storage: `config`, `index/<name>`, `data/<first two digits>/<name>`. */
export function layoutPath(file: FileRef): readonly string[] {
  checkName(file)
  if (file.type === 'config') return ['config']
  if (file.type === 'pack') return [folders.pack, file.name.slice(0, 2), file.name]
  return [folders[file.type], file.name]
}

/** Names come from inside the program; a bad one is a bug, and must never become a path. */
export function checkName(file: FileRef): void {
  if (!isValidName(file.type, file.name))
    throw new TypeError(`not the name of a ${file.type}: ${file.name.slice(0, 80)}`)
}

/** The details that the errors about one file have in common. */
export function fileDetails(file: FileRef, location: string) {
  return { type: file.type, name: file.name, location }
}
