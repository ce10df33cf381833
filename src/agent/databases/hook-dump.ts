import { lstat } from 'node:fs/promises'

import type { Cancellable, Clock } from '#base'

import { findHook, hookNotStarted, hookOrder, runHook } from '../hooks/index.ts'
import { startProgram } from '../programs/start-program.ts'
import { DatabaseError } from './errors.ts'
import { makeByProgram, makeFrom } from './making.ts'
import type { Making } from './making.ts'
import type { HookPlan } from './plan.ts'
import type { DumpSubject } from './survey.ts'

export function hookSubject({ hook }: HookPlan): DumpSubject {
  return { kind: 'database', subject: hook, path: `databases/hooks/${hook}.dump` }
}

export interface HookDumpOptions extends Cancellable {
  readonly folder: string
  readonly clock: Clock
}

export interface HookDump {
  readonly making: Making
  /** When the file that it left was written. */
  readonly takenAt: number | undefined
}

/** A dump may take a night, in milliseconds. */
const longest = 12 * 3_600_000

/** File systems keep times in steps: a file may seem this much older than it is, in milliseconds. */
const timeStep = 2_000

/**
 * Has a hook print its dump, or leave it in a file that is read then. Throws what `findHook` and `runHook` throw, and
 * DATABASE_DUMP_STALE when the file is not of this run.
 */
export async function makeByHook({ hook: name, file }: HookPlan, options: HookDumpOptions): Promise<HookDump> {
  const { folder, clock, signal } = options
  if (file === undefined) {
    const order = hookOrder(await findHook(name, { folder }), { kind: 'dump' })
    const making = await makeFrom(async (stdout) => {
      return await startProgram(order, ['ignore', stdout]).catch((thrown: unknown) => {
        throw hookNotStarted(name, thrown)
      })
    })
    return { making, takenAt: undefined }
  }
  const began = clock.now()
  await runHook(name, { folder, kind: 'dump', timeout: longest, signal, facts: { DUMP_FILE: file } })
  const about = await lstat(file).catch(() => undefined)
  if (!about?.isFile()) throw new DatabaseError('DATABASE_DUMP_EMPTY', { database: name })
  if (about.mtimeMs < began - timeStep) {
    const time = about.mtime.toISOString()
    throw new DatabaseError('DATABASE_DUMP_STALE', { database: name, path: file, time })
  }
  const making = await makeByProgram({ program: 'cat', args: ['--', file] }, { engine: 'hook', package: 'coreutils' })
  return { making, takenAt: Math.round(about.mtimeMs) }
}
