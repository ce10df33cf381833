import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { hasCode } from '#base'
import { localAccessFile, localAccessSchema } from '#protocol'
import type { LocalAccessFile } from '#protocol'
import { valueFlag } from '../command.ts'
import type { CliCommand } from '../command.ts'
import { textOf } from '../context.ts'
import type { CommandContext, CommandFlags } from '../context.ts'
import { serverFolder } from '../data-folder.ts'
import type { Environment } from '../environment.ts'
import { plainMessage } from '../failure-text.ts'
import { readPasswordFile } from '../password.ts'
import { parseServerAddress } from './connection.ts'
import type { KnownServer } from './connection.ts'
import { CallError } from './errors.ts'
import { readLogins, refuseOpenFile } from './login-file.ts'

/** A server, and by what this terminal is let in. */
export interface ServerAccess extends KnownServer {
  readonly token: string
  /** Who has signed in, where that is known. */
  readonly email?: string | undefined
}

export function addServerFlags(command: CliCommand): void {
  command.addOption(
    valueFlag('--server <address>', 'the server (UNDERSTUDY_SERVER; default: the last login, or the one here)'),
  )
  command.addOption(
    valueFlag('--data <folder>', 'call the server that runs on this machine with its data in this folder'),
  )
}

/**
 * The server that a command calls, and the token by which: of the folder that is named; of the environment; of the last
 * login, at the address that is named; or the server that runs here, where this user may read what is its own only.
 * Throws `LOGIN_MISSING` and what is wrong with a file.
 *
 * @param usualFolder where the server that runs here has its data, if nothing else is said
 */
export function findServer(
  { env }: CommandContext,
  flags: CommandFlags,
  usualFolder: string = serverFolder(env),
): ServerAccess {
  const folder = textOf(flags, 'data')
  if (folder !== undefined) return toAccess(readLocalAccess(folder))
  const given = textOf(flags, 'server') ?? env.variables['UNDERSTUDY_SERVER']
  const url = given === undefined || given === '' ? undefined : parseServerAddress(given)
  const token = tokenOf(env)
  const local = findLocalAccess(usualFolder)
  if (token !== undefined) return byToken(env, token, url ?? local)
  const login = readLogins(env).find((one) => url === undefined || one.url === url)
  if (login) return login
  if (local && (url === undefined || url === local.url || url === local.origin)) return toAccess(local)
  throw new CallError('LOGIN_MISSING', { server: url ?? 'any server' })
}

/** Of the environment: the token itself, or the file that holds it. */
function tokenOf({ variables }: Environment): string | undefined {
  if (variables['UNDERSTUDY_TOKEN']) return variables['UNDERSTUDY_TOKEN']
  const file = variables['UNDERSTUDY_TOKEN_FILE']
  return file ? readPasswordFile(file, 'UNDERSTUDY_TOKEN_FILE') : undefined
}

function byToken(env: Environment, token: string, at: string | LocalAccessFile | undefined): ServerAccess {
  if (at === undefined) throw new CallError('LOGIN_MISSING', { server: 'any server' })
  if (typeof at !== 'string') return { ...toAccess(at), token }
  const fingerprint = env.variables['UNDERSTUDY_FINGERPRINT']
  return { url: at, token, ...(fingerprint && { fingerprint: parseFingerprint(fingerprint) }) }
}

/** As people copy it: with or without colons, in capitals or not. Throws `SERVER_ADDRESS_INVALID`. */
export function parseFingerprint(typed: string): string {
  const digits = typed.replaceAll(':', '').toLowerCase()
  if (!/^[0-9a-f]{64}$/.test(digits)) throw new CallError('SERVER_ADDRESS_INVALID', { address: typed })
  return digits
}

function toAccess({ url, fingerprint, secret }: LocalAccessFile): ServerAccess {
  return { url, token: secret, ...(fingerprint !== undefined && { fingerprint }) }
}

/** The server that runs here with its data in this folder, if this user may use it so. */
export function findLocalAccess(folder: string): LocalAccessFile | undefined {
  try {
    return existsSync(join(folder, localAccessFile)) ? readLocalAccess(folder) : undefined
  } catch {
    return undefined // it is another user’s
  }
}

/** Throws `LOCAL_ACCESS_REFUSED`. */
export function readLocalAccess(folder: string): LocalAccessFile {
  const path = join(folder, localAccessFile)
  const fail = (reason: string, cause?: unknown) => new CallError('LOCAL_ACCESS_REFUSED', { reason, cause })
  try {
    refuseOpenFile(path, fail)
    return localAccessSchema.parse(JSON.parse(readFileSync(path, 'utf8')))
  } catch (thrown) {
    if (thrown instanceof CallError) throw thrown
    if (hasCode(thrown, 'ENOENT')) throw fail(`none runs with its data in ${folder}`, thrown)
    throw fail(hasCode(thrown, 'EACCES') ? plainMessage(thrown) : `${path} is not what the server writes`, thrown)
  }
}
