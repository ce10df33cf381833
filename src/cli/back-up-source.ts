import { userInfo } from 'node:os'
import { backUp } from '#archiver'
import type { BackUpResult, Source } from '#archiver'
import { BackupProgress } from './backup-progress.ts'
import type { CommandContext } from './context.ts'
import { LiveStatus } from './live-status.ts'
import { defaultThreads, startThreads } from './local-threads.ts'
import { lockWait, openForCommand } from './open-repository.ts'
import { programVersion } from './version.ts'

export interface SourceChoice {
  /** Host of the snapshot. */
  readonly host: string
  /** Beside `understudy`. */
  readonly tag: string
  /** It has a past that it can be compared with. Default: all is read. */
  readonly hasParent?: boolean
}

/** Backs up what is no disk of this machine: dumps of databases, a device beside it. */
export async function backUpSource(
  context: CommandContext,
  source: Source,
  { host, tag, hasParent = false }: SourceChoice,
): Promise<BackUpResult> {
  const { signal, globals } = context
  const progress = new BackupProgress(context)
  const threads = defaultThreads()
  await using warm = startThreads(threads)
  await using opened = await openForCommand(context)
  using _status = new LiveStatus(context, () => progress.view())
  const { username, uid, gid } = userInfo()
  const { retryFor, onWait } = lockWait(context)
  const owner = { username, uid: Math.max(0, uid), gid: Math.max(0, gid) }
  return await backUp(opened.repository, source, {
    identity: { hostname: host, ...owner, tags: ['understudy', tag], excludes: [], programVersion },
    threads,
    warm,
    force: !hasParent,
    packSize: globals.packSize,
    retryLock: retryFor,
    onLockWait: onWait,
    signal,
    onStart: (reader) => progress.readsWith(reader),
    onReading: (currentFiles) => progress.asksFor(currentFiles),
    onEntry: (event) => progress.entry(event),
    onProblem: (problem) => progress.problem(problem),
  })
}
