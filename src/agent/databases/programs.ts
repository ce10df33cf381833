import { accessSync, constants, globSync } from 'node:fs'
import { join } from 'node:path'

import { hasCode, messageOf } from '#base'
import type { Cancellable } from '#base'

import { runProgram } from '../programs/start-program.ts'
import type { ProgramOrder, ProgramResult } from '../programs/start-program.ts'
import { DatabaseError } from './errors.ts'

/** Where programs of databases lie that are on no PATH: Debian and its like, then Red Hat and its like. */
const versionedFolders = ['/usr/lib/postgresql/*/bin', '/usr/pgsql-*/bin']
const usualFolders = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin']

/** Folders to look for client programs in; only the given one when there is one. */
export function programFolders(given: string | undefined): string[] {
  return given === undefined ? [...globSync(versionedFolders).toSorted(), ...usualFolders] : [given]
}

/** The first of the programs that is in one of the folders: names in the order of preference. */
export function findProgram(names: readonly string[], folders: readonly string[]): string | undefined {
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isProgram)
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** A question to a server or a program is answered within this time, in milliseconds. */
const longestAnswer = 120_000
/** Counting the rows of a large database takes its time: a day. */
export const longestCount = 86_400_000

export interface AskOptions extends Cancellable {
  /** In milliseconds. */
  readonly timeout?: number | undefined
}

/** Runs a program that answers soon. Throws DATABASE_TOOL_MISSING when it is not there; how it ended is the caller's to judge. */
export async function ask(
  order: ProgramOrder,
  about: { readonly engine: string; readonly package: string },
  { input, timeout = longestAnswer, signal }: AskOptions & { readonly input?: string } = {},
): Promise<ProgramResult> {
  try {
    const result = await runProgram(order, { timeout, signal, ...(input !== undefined && { input }) })
    if (result.cut === undefined) return result
    const why = result.cut === 'time' ? `no answer within ${timeout / 1000} s` : 'an answer without end'
    return { ...result, code: null, stderr: `connection to server failed: ${why}\n${result.stderr}` }
  } catch (thrown) {
    signal?.throwIfAborted()
    throw notStarted(order.program, about, thrown)
  }
}

/** What it means that a program could not be started. */
export function notStarted(
  program: string,
  about: { readonly engine: string; readonly package: string },
  thrown: unknown,
): Error {
  if (hasCode(thrown, 'ENOENT') || hasCode(thrown, 'EACCES'))
    return new DatabaseError('DATABASE_TOOL_MISSING', { program, ...about, cause: thrown })
  return new DatabaseError('DATABASE_TOOL_FAILED', { program, code: 'none', reason: messageOf(thrown), cause: thrown })
}

/** The version that a program says it is of; undefined when it says none. */
export async function versionOf(program: string, options: Cancellable = {}): Promise<string | undefined> {
  const { stdout, code } = await runProgram({ program, args: ['--version'] }, { timeout: 15_000, ...options })
  return code === 0 ? stdout.trim() : undefined
}

/** `15.18` of `pg_dump (PostgreSQL) 15.18 (Debian …)`: the numbers of a version, for comparing. */
export function numbersOf(version: string): number[] {
  return (/\d+(?:\.\d+)*/.exec(version)?.[0] ?? '').split('.').map(Number)
}
