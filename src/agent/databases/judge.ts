import { UnderstudyError, messageOf } from '#base'
import type { StreamRead } from '#filesystem'

import { hookFailed } from '../hooks/index.ts'
import type { ProgramEnd } from '../programs/start-program.ts'
import { DatabaseError } from './errors.ts'
import { findingOf } from './evidence.ts'
import type { DumpEvidence, Finding } from './evidence.ts'
import { failureOf, tellingLine } from './failures.ts'
import type { SqliteDump } from './sqlite-dump.ts'
import type { PlannedDump } from './survey.ts'

/** What became of a dump: good only when its program ended well, and what it printed ends as a whole dump does. */
export interface Judged extends Pick<
  DumpEvidence,
  'bytes' | 'exitCode' | 'isComplete' | 'isConsistent' | 'counts' | 'warnings'
> {
  readonly error: Error | undefined
  /** Where that is not when it was begun. */
  readonly takenAt?: number
}

export interface DumpAbout {
  readonly engine: string
  readonly server: string
  readonly dump: Pick<PlannedDump, 'subject' | 'isWhole' | 'isConsistent' | 'warnings'>
  readonly program: string
}

export function judgeDump(end: ProgramEnd, read: StreamRead, { engine, server, dump, program }: DumpAbout): Judged {
  const { subject: database, isWhole, isConsistent, warnings } = dump
  const about = { program, engine, name: server, database }
  const isComplete = read.bytes > 0 && isWhole(read.tail.toString('utf8'))
  const judged = { bytes: read.bytes, exitCode: end.code ?? undefined, isComplete, isConsistent, warnings }
  if (read.interrupted) return { ...judged, error: read.interrupted }
  if (end.code !== 0) return { ...judged, error: failureOf({ ...end, ...about }) }
  if (read.bytes === 0) return { ...judged, error: new DatabaseError('DATABASE_DUMP_EMPTY', about) }
  if (!isComplete) return { ...judged, error: new DatabaseError('DATABASE_DUMP_CUT', { ...about, bytes: read.bytes }) }
  return { ...judged, error: undefined, warnings: [...warnings, ...complaints(end, about)] }
}

export interface CopyAbout {
  readonly copy: Pick<SqliteDump, 'report'>
  readonly path: string
}

export async function judgeCopy(end: ProgramEnd, read: StreamRead, { copy, path }: CopyAbout): Promise<Judged> {
  const about = { program: 'The copying program', engine: 'SQLite', name: 'this machine', database: path }
  try {
    if (read.interrupted) throw read.interrupted
    if (end.signal !== null) throw failureOf({ ...end, ...about })
    const { bytes, counts, warnings } = await copy.report()
    if (end.code !== 0) throw failureOf({ ...end, ...about })
    if (bytes !== read.bytes) throw new DatabaseError('DATABASE_DUMP_CUT', { ...about, bytes: read.bytes })
    const judged = { bytes, exitCode: end.code, isComplete: true, isConsistent: true, counts }
    return { ...judged, error: undefined, warnings: [...warnings, ...complaints(end, about)] }
  } catch (thrown) {
    return { ...failedWith(thrown), bytes: read.bytes, exitCode: end.code ?? undefined }
  }
}

export interface HookAbout {
  readonly name: string
  /** When the file that it left was written. */
  readonly takenAt: number | undefined
}

/** A hook says by its end whether its dump is good; an empty one never is. */
export function judgeHook(end: ProgramEnd, read: StreamRead, { name, takenAt }: HookAbout): Judged {
  const isComplete = end.code === 0 && read.bytes > 0 && !read.interrupted
  const empty = read.bytes === 0 ? new DatabaseError('DATABASE_DUMP_EMPTY', { database: name }) : undefined
  const error = read.interrupted ?? (end.code === 0 ? empty : hookFailed(name, end))
  const judged = {
    bytes: read.bytes,
    exitCode: end.code ?? undefined,
    isComplete,
    isConsistent: undefined,
    warnings: [],
    error,
  }
  return takenAt === undefined ? judged : { ...judged, takenAt }
}

/** Of a dump that there is nothing of. */
export function failedWith(thrown: unknown): Judged {
  const error = thrown instanceof Error ? thrown : new Error(messageOf(thrown))
  return { error, bytes: 0, exitCode: undefined, isComplete: false, isConsistent: false, warnings: [] }
}

export function asFinding(error: Error): Finding {
  if (error instanceof UnderstudyError) return findingOf(error)
  return {
    code: 'code' in error ? String(error.code) : error.name,
    message: error.message,
    hint: 'Run the backup again.',
  }
}

function complaints({ stderr }: ProgramEnd, { program, database }: { program: string; database: string }): Finding[] {
  if (stderr.trim() === '') return []
  return [findingOf(new DatabaseError('DATABASE_TOOL_WARNED', { program, database, reason: tellingLine(stderr) }))]
}
