import { lstat, realpath } from 'node:fs/promises'
import type { Stats } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

import { hasCode } from '#base'

import { HookError } from './errors.ts'

/** A hook that may be run: a file in the machine's own folder that nobody but its owner could have put there. */
export interface Hook {
  readonly name: string
  readonly path: string
}

/** The machine's own folder, where nothing else is said. */
export const usualHooksFolder = '/etc/understudy/hooks'

const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/
const writableByOthers = 0o022
const sticky = 0o1000

/**
 * Looks a hook up by its name, which is all that a server may say of it. Throws HOOK_NAME_INVALID, HOOK_NOT_FOUND, HOOK_UNSAFE.
 *
 * What is looked at cannot be exchanged before it is run: that would take the right to write to the folder or to one above,
 * which is looked at too.
 */
export async function findHook(name: string, { folder }: { readonly folder: string }): Promise<Hook> {
  if (!namePattern.test(name)) throw new HookError('HOOK_NAME_INVALID', { name })
  const path = join(resolve(folder), name)
  const about = await lstat(path).catch((cause: unknown) => {
    if (hasCode(cause, 'ENOENT') || hasCode(cause, 'ENOTDIR')) throw new HookError('HOOK_NOT_FOUND', { name, folder })
    throw cause
  })
  const refuse = (reason: string) => new HookError('HOOK_UNSAFE', { path, reason })
  if (about.isSymbolicLink()) throw refuse('it is a symlink')
  if (!about.isFile()) throw refuse('it is no regular file')
  if (!isTrusted(about)) throw refuse('it does not belong to root')
  if ((about.mode & writableByOthers) !== 0) throw refuse('others may write to it')
  await checkFolders(dirname(path))
  if ((about.mode & 0o100) === 0) throw new HookError('HOOK_NOT_STARTED', { name, reason: 'it is not executable' })
  return { name, path }
}

async function checkFolders(folder: string): Promise<void> {
  const real = await realpath(folder)
  for (let path = real; ; path = dirname(path)) {
    const about = await lstat(path)
    const refuse = (reason: string) => new HookError('HOOK_UNSAFE', { path, reason })
    if (!isTrusted(about)) throw refuse('the folder does not belong to root')
    // In a sticky folder others may add what is theirs, and not touch what is not. Among hooks that is too much.
    const isShared = (about.mode & writableByOthers) !== 0
    if (isShared && (path === real || (about.mode & sticky) === 0)) throw refuse('others may write to the folder')
    if (path === dirname(path)) return
  }
}

// An agent that is not root runs its own user's hooks: they can do no more than it can.
function isTrusted({ uid }: Stats): boolean {
  return uid === 0 || uid === process.getuid?.()
}
