import { lstat, mkdir, realpath } from 'node:fs/promises'
import type { Stats } from 'node:fs'
import { dirname, join } from 'node:path'
import { hasCode } from '#base'
import { RestoreError } from './errors.ts'

const writableByOthers = 0o022
const sticky = 0o1000

/**
 * Makes sure that nobody but root (or the agent's own user) can put another folder in the place of this one while something
 * is restored into it. What lies in the folder is the restore's own concern: it follows no link there.
 * Returns where it really lies. Throws `RESTORE_FOLDER_UNSAFE`, and ENOENT.
 */
export async function safeFolder(folder: string): Promise<string> {
  const real = await realpath(folder)
  const refuse = (reason: string) => new RestoreError('RESTORE_FOLDER_UNSAFE', { path: folder, reason })
  if (real !== folder) throw refuse('a link is on the way to it')
  if (!(await lstat(real)).isDirectory()) throw refuse('it is no folder')
  for (let path = real; path !== dirname(path); path = dirname(path)) {
    const [about, above] = [await lstat(path), await lstat(dirname(path))]
    const isShared = (above.mode & writableByOthers) !== 0
    // In a sticky folder nobody can move what belongs to another.
    const isKept = !isShared || ((above.mode & sticky) !== 0 && isTrusted(about))
    if (!isTrusted(above) || !isKept) throw refuse(`others can exchange ${path}`)
  }
  return real
}

/**
 * The folder to begin at when a path is restored in place: the nearest one above it that is there and that nobody can
 * exchange. Below it the restore itself follows no link. Throws `RESTORE_FOLDER_UNSAFE`.
 */
export async function safeRootOf(path: string): Promise<string> {
  let root = await nearestFolder(dirname(path))
  for (;;) {
    try {
      return await safeFolder(root)
    } catch (thrown) {
      if (!hasCode(thrown, 'RESTORE_FOLDER_UNSAFE') || root === dirname(root)) throw thrown
      root = dirname(root)
    }
  }
}

/** A link that leads to where a path lies would be replaced by a folder: that is for people. Throws `RESTORE_FOLDER_UNSAFE`. */
export async function refuseLinks(path: string): Promise<void> {
  for (let at = dirname(path); at !== dirname(at); at = dirname(at)) {
    if ((await lookAt(at))?.isSymbolicLink() !== true) continue
    throw new RestoreError('RESTORE_FOLDER_UNSAFE', { path, reason: `${at} on the way to it is a link` })
  }
}

/** The folder itself or, where it is not there, the nearest above it that is. */
async function nearestFolder(path: string): Promise<string> {
  for (let at = path; ; at = dirname(at)) {
    if ((await lookAt(at))?.isDirectory() || at === dirname(at)) return at
  }
}

async function refuseShared(folder: string): Promise<void> {
  const refuse = (reason: string) => new RestoreError('RESTORE_FOLDER_UNSAFE', { path: folder, reason })
  await safeFolder(folder).catch((thrown: unknown) => {
    throw hasCode(thrown, 'ENOENT') ? refuse('it is not there') : thrown
  })
  const about = await lstat(folder)
  if (!isTrusted(about)) throw refuse('it does not belong to root')
  if ((about.mode & writableByOthers) !== 0 && (about.mode & sticky) === 0) throw refuse('others may write to it')
}

async function lookAt(path: string): Promise<Stats | undefined> {
  return await lstat(path).catch((thrown: unknown) => {
    if (hasCode(thrown, 'ENOENT') || hasCode(thrown, 'ENOTDIR')) return undefined
    throw thrown
  })
}

/**
 * The folder of a restore, made if it is not there: one that was interrupted finds its own. Its name comes from the
 * operation, never from an order. `isOurs`: it lies in the agent's own folder. Throws `RESTORE_FOLDER_UNSAFE`.
 */
export async function restoreFolder(
  below: string,
  operationId: string,
  { isOurs }: { readonly isOurs: boolean },
): Promise<string> {
  if (!isOurs) await refuseShared(below)
  const path = join(below, `restored-${operationId}`)
  await mkdir(path, { mode: 0o700 }).catch(async (thrown: unknown) => {
    if (!hasCode(thrown, 'EEXIST')) throw thrown
    const about = await lstat(path)
    if (!about.isDirectory() || about.uid !== (process.getuid?.() ?? about.uid)) {
      throw new RestoreError('RESTORE_FOLDER_UNSAFE', { path, reason: 'something else is there already' })
    }
  })
  return path
}

// An agent that is not root restores with its own user's rights: it can do no more than that one can.
function isTrusted({ uid }: { readonly uid: number }): boolean {
  return uid === 0 || uid === process.getuid?.()
}
