import { randomUUID } from 'node:crypto'
import { open, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { hasCode } from '#base'
import { syncLocalFolder, systemFiles } from '#backend'
import { idSchema } from '#protocol'
import { z } from 'zod'
import type { Row } from '../store/tables.ts'
import { CopyError } from './errors.ts'

/** The mark by which a rotated disk is known: a file in its folder. What bears none, or another's, is never written to. */

export const markFile = 'understudy-disk.json'

const markSchema = z.object({ disk: idSchema, destination: idSchema })

export type DiskMark = z.output<typeof markSchema>

/** A mark that is no mark counts as somebody else's. */
export const foreignMark = 'foreign'

/** What the mark in a folder says; undefined: there is none. */
export async function readMark(folder: string): Promise<DiskMark | typeof foreignMark | undefined> {
  try {
    const path = join(folder, markFile)
    if ((await stat(path)).size > longestMark) return foreignMark
    const mark = markSchema.safeParse(JSON.parse(await readFile(path, 'utf8')))
    return mark.success ? mark.data : foreignMark
  } catch (thrown) {
    return hasCode(thrown, 'ENOENT') || hasCode(thrown, 'ENOTDIR') ? undefined : foreignMark
  }
}

const longestMark = 10_000

/** Marks the disk at a folder. Throws `DISK_MARKED` where there is a mark already. */
export async function writeMark(folder: string, destination: string): Promise<DiskMark> {
  const mark = { disk: randomUUID(), destination }
  try {
    await using file = await open(join(folder, markFile), 'wx', 0o644)
    await file.writeFile(`${JSON.stringify(mark)}\n`)
    await file.sync()
  } catch (cause) {
    if (!hasCode(cause, 'EEXIST')) throw cause
    throw new CopyError('DISK_MARKED', { folder, owner: 'somebody', file: markFile, cause })
  }
  await syncLocalFolder(systemFiles, folder)
  return mark
}

/** Throws `DISK_GONE` when the disk is not where it was: what is there may be the folder below its mount. */
export async function requireMark({ id, label, folder }: Row<'destinationDisks'>): Promise<void> {
  const mark = folder === null ? undefined : await readMark(folder)
  if (mark === undefined || mark === foreignMark || mark.disk !== id) throw new CopyError('DISK_GONE', { label })
}
