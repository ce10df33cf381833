import { open, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { hasCode, messageOf } from '#base'
import { CliError } from './errors.ts'

/**
 * Saves a copy of a pack in a folder, as `pack-<id>` like restic. Under its name it is whole and lies there durably. One
 * that is there already stays: it is of a run that was interrupted. Throws `COPY_NOT_SAVED`.
 */
export async function savePackCopy(folder: string, name: string, content: AsyncIterable<Buffer>): Promise<string> {
  const path = join(folder, `pack-${name}`)
  const unfinished = `${path}.unfinished`
  try {
    if (await isThere(path)) return path
    await writeDurably(unfinished, content)
    await rename(unfinished, path)
    return path
  } catch (cause) {
    await rm(unfinished, { force: true }).catch(() => undefined)
    throw new CliError('COPY_NOT_SAVED', { pack: name.slice(0, 10), reason: messageOf(cause), cause })
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (thrown) {
    if (hasCode(thrown, 'ENOENT')) return false
    throw thrown
  }
}

async function writeDurably(path: string, content: AsyncIterable<Buffer>): Promise<void> {
  await using file = await open(path, 'w', 0o600)
  for await (const bytes of content) await file.writeFile(bytes)
  await file.sync()
}
