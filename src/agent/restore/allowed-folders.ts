import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { hasCode } from '#base'
import type { AgentFolder } from '../state.ts'
import { RestoreError } from './errors.ts'

const writableByOthers = 0o022
const largest = 1 << 20

/**
 * The folders of this machine that may be restored into without asking: the lines of the file `allowed-restores` in the
 * agent's folder. No server can change them. Without the file there are none. Throws `ALLOWED_RESTORES_UNSAFE`.
 */
export async function readAllowedFolders({ path: folder }: AgentFolder): Promise<readonly string[]> {
  const path = join(folder, 'allowed-restores')
  const refuse = (reason: string) => new RestoreError('ALLOWED_RESTORES_UNSAFE', { path, reason })
  await using file = await open(path, 'r').catch((thrown: unknown) => {
    if (hasCode(thrown, 'ENOENT')) return undefined
    throw thrown
  })
  if (!file) return []
  // Asked of what was opened: it cannot be exchanged after that.
  const { uid, mode, size } = await file.stat()
  if (uid !== 0 && uid !== process.getuid?.()) throw refuse('it does not belong to root')
  if ((mode & writableByOthers) !== 0) throw refuse('others may write to it')
  if (size > largest) throw refuse('it is too long')
  const lines = (await file.readFile('utf8')).split('\n').map((line) => line.trim())
  const folders = lines.filter((line) => line !== '' && !line.startsWith('#'))
  return folders.map((line) => {
    const plain = line.length > 1 ? line.replace(/\/+$/, '') : line
    const names = plain.slice(1).split('/')
    const isPlain = plain.startsWith('/') && !names.some((name) => name === '..' || name === '.')
    if (!isPlain || (plain !== '/' && names.includes(''))) throw refuse(`"${line}" is no absolute path`)
    return plain
  })
}

/** Whether a path is a folder or lies in it. Both absolute and plain. */
export function isWithin(path: string, folder: string): boolean {
  return folder === '/' || path === folder || path.startsWith(`${folder}/`)
}
