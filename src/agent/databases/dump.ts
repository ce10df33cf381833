import { systemClock, throwIfBug } from '#base'
import type { Cancellable, Clock } from '#base'
import { createStreamTree } from '#filesystem'
import type { StreamContent, StreamFile, StreamRead, StreamTree } from '#filesystem'

import type { ProgramEnd } from '../programs/start-program.ts'
import { DatabaseError } from './errors.ts'
import { shrunk } from './evidence.ts'
import type { DumpEvidence, LastDump } from './evidence.ts'
import { hookSubject, makeByHook } from './hook-dump.ts'
import { asFinding, failedWith, judgeCopy, judgeDump, judgeHook } from './judge.ts'
import type { Judged } from './judge.ts'
import { makeByProgram, makeOfText } from './making.ts'
import type { Making } from './making.ts'
import { mysqlPackages } from './mysql-server.ts'
import { checkPlan } from './plan.ts'
import type { DatabasePlan, HookPlan, ServerPlan } from './plan.ts'
import { postgresqlPackage } from './postgresql-server.ts'
import { openSqliteDump, sqliteSubject } from './sqlite-dump.ts'
import type { SqliteDump } from './sqlite-dump.ts'
import { surveyServer } from './survey-server.ts'
import type { DumpSubject, PlannedDump, Survey } from './survey.ts'

export interface DumpDatabasesOptions extends Cancellable {
  /** The last good dumps, to see what has shrunk or is gone. */
  readonly last?: readonly LastDump[]
  /** A dump that brings nothing for so many milliseconds is ended. Default: half an hour. */
  readonly longestSilence?: number
  /** The machine's folder of hooks. */
  readonly hooksFolder?: string | undefined
  readonly clock?: Clock
}

/** The dumps as a source for the archiver. To be disposed of when the backup is over. */
export interface DatabaseDumps extends StreamTree {
  /** What is known by now of each dump, those that failed included; complete when the backup has ended. */
  evidence(): readonly DumpEvidence[]
}

/** Where in the snapshot the evidence lies: the name comes after all others, so it is read last. */
export const summaryPath = 'databases/summary.json'

const defaultHooksFolder = '/etc/understudy/hooks'
const halfAnHour = 30 * 60_000

/**
 * Looks at the servers and makes a source of their dumps: one snapshot, with the same paths every time. Each dump is made
 * when the archiver reads it, and is in the snapshot only when it is whole; of those that are not, `backUp` reports the
 * problem and `evidence()` tells the reason. When not one database could be dumped there is no snapshot
 * (DATABASE_NONE_DUMPED). Throws DATABASE_PLAN_INVALID.
 */
export async function dumpDatabases(plan: DatabasePlan, options: DumpDatabasesOptions = {}): Promise<DatabaseDumps> {
  checkPlan(plan)
  const run = new DumpRun(plan, options)
  await using stack = new AsyncDisposableStack()
  for (const server of plan.servers ?? []) {
    const survey = await run.survey(server)
    if (survey) stack.use(survey)
  }
  const tree = stack.use(run.tree())
  const kept = stack.move()
  return Object.assign(tree, {
    evidence: () => run.evidence(),
    [Symbol.asyncDispose]: async () => await kept.disposeAsync(),
  })
}

/** What is the same for all dumps of a server. */
type About = Pick<DumpEvidence, 'engine' | 'server' | 'serverVersion' | 'clientVersion'>

class DumpRun {
  readonly #plan: DatabasePlan
  readonly #options: DumpDatabasesOptions
  readonly #clock: Clock
  readonly #files: StreamFile[] = []
  readonly #absent: { readonly path: Buffer; readonly error: Error }[] = []
  readonly #evidence = new Map<string, DumpEvidence>()
  /** Resolved when all dumps have ended, whatever became of them. */
  readonly #ended = Promise.withResolvers<void>()
  #waiting = 0

  constructor(plan: DatabasePlan, options: DumpDatabasesOptions) {
    this.#plan = plan
    this.#options = options
    this.#ended.promise.catch(() => undefined) // the summary awaits it, when there is one
    options.signal?.addEventListener('abort', () => this.#ended.reject(options.signal?.reason), { once: true })
    this.#clock = options.clock ?? systemClock
  }

  /** Undefined when nothing can be dumped of the server: then that is noted. */
  async survey(server: ServerPlan): Promise<Survey | undefined> {
    const { signal } = this.#options
    try {
      const survey = await surveyServer(server, { signal })
      const { engine, name, serverVersion, clientVersion } = survey
      const about = { engine, server: name, serverVersion, clientVersion }
      for (const { error, ...subject } of survey.absent) this.#miss(about, subject, error)
      for (const dump of survey.dumps) this.#add(about, dump)
      if (!server.databases) this.#noteGone(about, survey)
      return survey
    } catch (thrown) {
      signal?.throwIfAborted()
      throwIfBug(thrown)
      // Which of the two it is, only the server could say.
      const engine = server.engine === 'mysql' ? 'mariadb' : server.engine
      const about = { engine, server: server.name, serverVersion: undefined, clientVersion: undefined } as const
      const path = `databases/${engine}/${server.name}`
      this.#miss(about, { kind: 'database', subject: '*', path }, thrown as Error)
      return undefined
    }
  }

  tree(): StreamTree {
    const { longestSilence = halfAnHour, signal } = this.#options
    for (const { path } of this.#plan.files ?? []) this.#addSqlite(path)
    for (const hook of this.#plan.hooks ?? []) this.#addHook(hook)
    this.#files.push({ path: summaryPath, start: async () => await this.#summary() })
    if (this.#waiting === 0) this.#ended.resolve()
    return createStreamTree(this.#files, {
      paths: ['/databases'],
      problems: this.#absent,
      longestSilence,
      signal,
      clock: this.#clock,
      finish: async () => this.#refuseNone(),
    })
  }

  evidence(): readonly DumpEvidence[] {
    return [...this.#evidence.values()].toSorted((a, b) => (a.path < b.path ? -1 : 1))
  }

  #add(about: About, dump: PlannedDump): void {
    const start = async (): Promise<MadeDump> => {
      const { from } = dump
      const tool =
        about.engine === 'postgresql' ? postgresqlPackage : mysqlPackages[about.engine as 'mariadb' | 'mysql']
      const making = typeof from === 'function' ? makeOfText(await from()) : await makeByProgram(from, tool)
      const program = typeof from === 'function' ? 'The query' : from.program
      return {
        making,
        judge: (end, read) => judgeDump(end, read, { engine: about.engine, server: about.server, dump, program }),
      }
    }
    this.#addFile(about, dump, start)
  }

  #addSqlite(path: string): void {
    const version = process.versions['sqlite']
    const about = { engine: 'sqlite', server: '', serverVersion: undefined, clientVersion: version } as const
    const subject = sqliteSubject(path)
    this.#addFile(about, subject, async () => {
      const copy = await openSqliteDump(path, this.#plan.workFolder)
      try {
        const making = await makeByProgram(copy.order, { engine: 'SQLite', package: 'nodejs' })
        return { making, copy, judge: async (end, read) => await judgeCopy(end, read, { copy, path }) }
      } catch (thrown) {
        await copy[Symbol.asyncDispose]()
        throw thrown
      }
    })
  }

  #addHook(hook: HookPlan): void {
    const about = { engine: 'hook', server: '', serverVersion: undefined, clientVersion: undefined } as const
    this.#addFile(about, hookSubject(hook), async () => {
      const { hooksFolder: folder = defaultHooksFolder, signal } = this.#options
      const { making, takenAt } = await makeByHook(hook, { folder, signal, clock: this.#clock })
      return { making, judge: (end, read) => judgeHook(end, read, { name: hook.hook, takenAt }) }
    })
  }

  #addFile(about: About, subject: DumpSubject, make: () => Promise<MadeDump>): void {
    this.#waiting++
    const { path } = subject
    const start = async (): Promise<StreamContent> => {
      const began = this.#begin()
      const record = (judged: Judged) => this.#record(about, subject, { ...began, ...judged })
      try {
        return contentOf(await make(), { path, record })
      } catch (thrown) {
        record(failedWith(thrown))
        throw thrown
      }
    }
    this.#files.push({ path, start })
  }

  #miss(about: About, subject: DumpSubject, error: Error): void {
    this.#waiting++
    this.#record(about, subject, { ...this.#begin(), ...failedWith(error) })
    this.#absent.push({ path: Buffer.from(`/${subject.path}`), error })
  }

  #noteGone(about: About, survey: Survey): void {
    for (const path of goneOf(this.#options.last ?? [], survey)) {
      const subject = { kind: 'database', subject: subjectOf(path), path } as const
      this.#miss(about, subject, new DatabaseError('DATABASE_GONE', { path }))
    }
  }

  #record(about: About, subject: DumpSubject, judged: Judged & Began): void {
    const { error, warnings: found, steady, ...rest } = judged
    const { last = [] } = this.#options
    const before = last.find(({ path }) => path === subject.path)
    const less = error || subject.kind !== 'database' ? undefined : shrunk(subject.subject, rest.bytes, before)
    const warnings = less ? [...found, less] : found
    this.#evidence.set(subject.path, {
      ...about,
      kind: subject.kind,
      subject: subject.subject,
      path: subject.path,
      ...rest,
      duration: Math.round(this.#clock.monotonic() - steady),
      warnings,
      outcome: error ? 'failed' : warnings.length > 0 ? 'warnings' : 'good',
      ...(error && { failure: asFinding(error) }),
    })
    if (--this.#waiting === 0) this.#ended.resolve()
  }

  #begin(): Began {
    return { takenAt: this.#clock.now(), steady: this.#clock.monotonic() }
  }

  async #summary(): Promise<StreamContent> {
    await this.#ended.promise
    const making = makeOfText(`${JSON.stringify({ version: 1, dumps: this.evidence() }, null, 2)}\n`)
    return Object.assign(making, { finish: async () => undefined })
  }

  #refuseNone(): void {
    const databases = this.evidence().filter(({ kind }) => kind === 'database')
    if (databases.some(({ outcome }) => outcome !== 'failed')) return
    const reason = databases.find(({ failure }) => failure)?.failure?.message ?? 'the servers have none'
    throw new DatabaseError('DATABASE_NONE_DUMPED', { reason })
  }
}

interface Began {
  readonly takenAt: number
  /** By the clock that never jumps. */
  readonly steady: number
}

interface MadeDump {
  readonly making: Making
  readonly copy?: SqliteDump
  readonly judge: (end: ProgramEnd, read: StreamRead) => Judged | Promise<Judged>
}

interface Recording {
  readonly path: string
  readonly record: (judged: Judged) => void
}

function contentOf({ making, judge, copy }: MadeDump, { path, record }: Recording): StreamContent {
  let isRecorded = false
  const note = (judged: Judged) => {
    isRecorded = true
    record(judged)
  }
  return {
    descriptor: making.descriptor,
    stop: () => making.stop(),
    finish: async (read) => {
      const end = await making.ended
      const judged = await judge(end, read)
      note(judged)
      if (judged.error) throw judged.error
    },
    [Symbol.asyncDispose]: async () => {
      await making[Symbol.asyncDispose]()
      await copy?.[Symbol.asyncDispose]()
      if (!isRecorded) note(failedWith(new DatabaseError('DATABASE_NOT_READ', { path })))
    },
  }
}

/** Dumps of the last backup whose database the server does not have any more. */
function goneOf(last: readonly LastDump[], { engine, name, dumps, absent }: Survey): string[] {
  const folder = `databases/${engine}/${name}/`
  const now = new Set([...dumps, ...absent].map(({ path }) => path))
  // A dot in the component: it is no database's (`componentOf`).
  const isDatabase = (path: string) => path.startsWith(folder) && /^[^./]+\.sql$/.test(path.slice(folder.length))
  return last.map(({ path }) => path).filter((path) => isDatabase(path) && !now.has(path))
}

function subjectOf(path: string): string {
  const component = path.slice(path.lastIndexOf('/') + 1, -'.sql'.length)
  return component.replace(/%([0-9A-F]{2})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
}
