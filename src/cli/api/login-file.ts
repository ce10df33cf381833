import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { hasCode } from '#base'
import { idSchema } from '#protocol'
import { z } from 'zod'
import type { Environment } from '../environment.ts'
import { plainMessage } from '../failure-text.ts'
import { CallError } from './errors.ts'

/** Where this user is signed in: `logins.json` in the user’s configuration, for that user only. */

const loginSchema = z.object({
  url: z.url(),
  fingerprint: z.string().optional(),
  email: z.string(),
  tokenId: idSchema,
  token: z.string(),
})
export type Login = z.infer<typeof loginSchema>

const fileSchema = z.object({ logins: z.array(loginSchema).max(1000) })

export function loginFile({ variables }: Environment): string {
  return join(variables['XDG_CONFIG_HOME'] || join(homedir(), '.config'), 'understudy', 'logins.json')
}

/** The newest first. Throws `LOGIN_FILE_INVALID`, also when others could read it. */
export function readLogins(env: Environment): readonly Login[] {
  const path = loginFile(env)
  const fail = (reason: string, cause?: unknown) => new CallError('LOGIN_FILE_INVALID', { path, reason, cause })
  let text: string
  try {
    refuseOpenFile(path, fail)
    text = readFileSync(path, 'utf8')
  } catch (thrown) {
    if (hasCode(thrown, 'ENOENT')) return []
    throw thrown instanceof CallError ? thrown : fail(plainMessage(thrown), thrown)
  }
  try {
    return fileSchema.parse(JSON.parse(text)).logins
  } catch (cause) {
    throw fail('it is not what this program writes', cause)
  }
}

/** Throws `fail` of a reason where a file with a secret could be read by others, or is another user’s. */
export function refuseOpenFile(path: string, fail: (reason: string) => Error): void {
  if (process.platform === 'win32') return // the user’s folder is the user’s
  const { mode, uid } = statSync(path)
  if ((mode & 0o077) !== 0) throw fail('others may read it')
  const me = process.getuid?.()
  if (me !== 0 && uid !== me) throw fail('it belongs to another user')
}

export function writeLogins(env: Environment, logins: readonly Login[]): void {
  const path = loginFile(env)
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    writeFileSync(`${path}.new`, `${JSON.stringify({ logins }, null, 2)}\n`, { mode: 0o600, flush: true })
    renameSync(`${path}.new`, path)
  } catch (cause) {
    throw new CallError('LOGIN_FILE_INVALID', { path, reason: plainMessage(cause), cause })
  }
}
