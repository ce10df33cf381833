import { hasCode, messageOf, systemClock, throwIfBug, toPlainError } from '#base'
import type { Cancellable, Clock } from '#base'
import { dueRun } from '#policy'
import type { RunNow } from '#policy'
import {
  doneSchema,
  handoverSchema,
  jobSchema,
  lookHeardSchema,
  readAccessSchema,
  receivedSchema,
  reportedSchema,
  repositoryAccessSchema,
  snapshotText,
} from '#protocol'
import type { Discovery, Outcome, Progress } from '#protocol'
import { z } from 'zod'
import { aboutThisMachine } from '../enrol.ts'
import { AgentError } from '../errors.ts'
import { isOnItsWay } from '../first-copy/on-its-way.ts'
import { usualHooksFolder } from '../hooks/index.ts'
import type { MachineKey } from '../link/machine-key.ts'
import { ServerLink } from '../link/server-link.ts'
import type { Machine } from '../link/server-link.ts'
import type { AgentFolder, Enrolled, OwnRepository, Runs } from '../state.ts'
import { mostDaysWaiting } from '../restore/waiting.ts'
import { evidenceWords } from './evidence-words.ts'
import { Following } from './following.ts'
import { notDone } from './job.ts'
import type { Measured, SetAside } from './job.ts'
import { agentJobs } from './jobs.ts'
import { keepReporting } from './keep-reporting.ts'
import { Looks } from './looks.ts'
import type { Look } from './looks.ts'
import { isInOwnList } from './own-list.ts'
import { runOwnProgram } from './own-program.ts'
import type { OwnProgram } from './own-program.ts'
import { runOf, runsOf } from './planned-runs.ts'
import type { PlannedRun } from './planned-runs.ts'
import type { askPowerAndLine } from './power-and-line.ts'
import { repositoryFlags } from './repository-flags.ts'
import { OneOfTwo, requireSameMachine } from './one-of-two.ts'
import { Reports } from './reports.ts'
import { Rests } from './rests.ts'
import { helloPath, ServerMemory } from './server-memory.ts'
import { heardSchema } from './understand.ts'
import { unlessAborted } from './unless-aborted.ts'

export interface AgentOptions extends Cancellable {
  readonly folder: AgentFolder
  readonly program: OwnProgram
  readonly version: string
  readonly clock?: Clock
  /** Told what the agent does, a sentence each. */
  readonly onEvent?: (sentence: string) => void
  /** Milliseconds between two words with the server, and between two looks at the schedules. */
  readonly rhythm?: number
  /** Looks what is on the machine. */
  readonly look?: Look
  /** The folder of the machine's own hooks. */
  readonly hooksFolder?: string
  /** Name or path of rclone, where it is not in the usual folders. */
  readonly rclone?: string
  /** Asks the machine for its power and its line. */
  readonly askPowerAndLine?: typeof askPowerAndLine
}

const kinds = agentJobs.map(({ kind }) => kind)
/** Seconds that the server may keep a call that waits for a job. */
const jobWait = 20

type Job = z.output<typeof jobSchema>

/**
 * Runs the agent until the signal aborts: it tells the server that it is there, follows its policies by their schedules,
 * with the server or without it, and does the jobs that it is given. Throws `AGENT_NOT_ENROLLED`, `AGENT_STATE_DAMAGED`,
 * `MACHINE_DIFFERS`.
 */
export async function runAgent(options: AgentOptions): Promise<void> {
  const { folder, signal } = options
  const enrolled = await folder.readEnrolled()
  await requireSameMachine(folder, enrolled)
  const key = await folder.key()
  const agent = new Agent(options, enrolled, key)
  await agent.open()
  const working = [agent.keepInTouch(), agent.followSchedules(), agent.doJobs(), agent.keepLooking()]
  try {
    await Promise.all(working)
  } catch (thrown) {
    if (signal?.aborted !== true) throw thrown
    await Promise.allSettled(working) // nothing works on when this returns
  }
}

class Agent {
  readonly #options: AgentOptions
  readonly #clock: Clock
  readonly #link: ServerLink
  readonly #machine: Machine
  readonly #reports: Reports
  readonly #looks: Looks
  readonly #certificate: string | undefined
  readonly #isReplacement: boolean
  readonly #following: Following
  readonly #memory: ServerMemory
  readonly #oneOfTwo = new OneOfTwo((sentence) => this.#say(sentence))
  #repository: OwnRepository | undefined
  /** Resolved as soon as there is a repository to work with. */
  readonly #ready = Promise.withResolvers<void>()
  #certificateFile: string | undefined
  /** One backup at a time: two would halve each other's speed, and meet in one repository. */
  #last: Promise<unknown> = Promise.resolve()
  /** The code of what keeps it from being in touch with the server; undefined: nothing does. */
  #trouble: string | undefined
  readonly #rests: Rests

  constructor(options: AgentOptions, enrolled: Enrolled, key: MachineKey) {
    const { origin, machineId, certificate, isReplacement = false } = enrolled
    const { clock = systemClock, folder, look, version } = options
    this.#options = options
    this.#clock = clock
    this.#certificate = certificate
    this.#isReplacement = isReplacement
    this.#machine = { id: machineId, key }
    this.#link = new ServerLink({ origin, certificate }, { clock, version })
    this.#memory = new ServerMemory(folder, this.#link, (sentence) => this.#say(sentence))
    this.#reports = new Reports(folder, this.#link, this.#machine)
    this.#rests = new Rests(clock, options.askPowerAndLine, (sentence) => this.#say(sentence))
    this.#following = new Following(folder, (sentence) => this.#say(sentence))
    this.#looks = new Looks(folder, { clock, look })
  }

  async open(): Promise<void> {
    const { folder } = this.#options
    await this.#memory.open()
    await this.#following.open()
    this.#repository = await folder.readRepository()
    if (this.#repository) this.#ready.resolve()
    if (this.#certificate === undefined) return
    this.#certificateFile = await folder.writeSecretFile('server.crt', this.#certificate)
  }

  /** Says hello, says what could not be said before, takes over new policies, and makes sure that there is a repository. */
  async keepInTouch(): Promise<void> {
    await this.#forever(async () => {
      await this.#greet()
      await this.#reports.deliver(this.#options)
      if (!this.#repository) await this.#makeRepository()
      await this.#takeUpAgreed()
    })
  }

  /** Runs what is due by the policies that the machine has, whether or not the server can be reached. */
  async followSchedules(): Promise<void> {
    await this.#forever(async () => {
      for (const followed of this.#following.policies)
        await this.#alone(async () => await this.#runIfDue(runOf(followed)))
      for (const device of this.#following.devices)
        for (const run of runsOf(device)) await this.#alone(async () => await this.#runIfDue(run))
    })
  }

  async doJobs(): Promise<void> {
    const answer = z.object({ job: jobSchema.nullable() })
    await this.#forever(async () => {
      await this.#untilReady()
      for (;;) {
        const asked = { kinds, wait: jobWait, run: this.#oneOfTwo.run, receipt: this.#memory.receipt }
        const { job } = await this.#post('/api/machine/operations/next', asked, answer)
        if (job) await this.#alone(async () => await this.#doJob(job))
      }
    })
  }

  /** Looks what is on the machine now and then, and tells the server; also when what the policies cover has changed. */
  async keepLooking(): Promise<void> {
    await this.#forever(async () => {
      const discovery = (await this.#looks.current()) ?? (await this.#looks.take(this.#options))
      await this.#untilReady()
      await this.#tellLook(discovery)
    })
  }

  // What the server makes of it may be the machine's first policy, and an order to back up at once.
  async #tellLook(discovery: Discovery): Promise<void> {
    for (;;) {
      const report = this.#looks.news(discovery, this.#following.policies)
      if (!report) return
      const { said } = await this.#post('/api/machine/look', report, lookHeardSchema)
      this.#looks.told(report)
      for (const sentence of said) this.#say(sentence)
      await this.#greet()
    }
  }

  async #untilReady(): Promise<void> {
    await unlessAborted(this.#ready.promise, this.#options)
  }

  async #greet(): Promise<void> {
    const { notUnderstood, said } = this.#following
    const mine = aboutThisMachine(this.#options.version)
    const about = { ...mine, ...(notUnderstood.length > 0 && { notUnderstood }) }
    const [{ run }, { receipt }] = [this.#oneOfTwo, this.#memory]
    const hello = { about, clock: this.#clock.now(), ...said, run, receipt }
    const heard = await this.#post(helloPath, hello, heardSchema)
    await this.#memory.hear(heard)
    this.#oneOfTwo.hear(heard.usedByTwo)
    await this.#following.hear(heard, this.#clock.now())
  }

  // Cut off at any step, it begins again with the same password; a repository that is there was made with it.
  async #makeRepository(): Promise<void> {
    const { folder, program, signal } = this.#options
    if (this.#isReplacement && !(await folder.hasRepositoryPassword())) {
      const { password: known, hasRepository } = await this.#post('/api/machine/handover', {}, handoverSchema)
      if (known !== null) await folder.takeOverPassword(known)
      // A password that is made up here would open nothing of what the lost machine has stored.
      else if (hasRepository) throw new AgentError('REPOSITORY_PASSWORD_UNKNOWN')
    }
    const password = await folder.repositoryPassword()
    const access = await this.#post('/api/machine/repository', await folder.passwordToTell(), repositoryAccessSchema)
    const repository = { ...access, password }
    const flags = await repositoryFlags(folder, repository, this.#certificateFile)
    const { code, failure } = await runOwnProgram(program, ['init', ...flags], { signal })
    if (code !== 0 && failure?.code !== 'REPOSITORY_EXISTS') {
      throw new AgentError('REPOSITORY_NOT_MADE', { reason: failure?.message ?? `exit code ${code}` })
    }
    await folder.writeRepository(repository)
    this.#repository = repository
    this.#ready.resolve()
    this.#say('has its repository')
  }

  async #runIfDue(run: PlannedRun): Promise<void> {
    const { folder } = this.#options
    const { key, since, policy } = run
    const { lastStarted, lastFinished, failures = 0 } = (await folder.readRuns())[key] ?? {}
    // A run that failed is made again after a while, as one that was cut off is, but not for ever: then the next one is.
    const isOver = failures === 0 || failures > mostRetries
    const situation = { now: this.#clock.now(), since, lastStarted, lastFinished: isOver ? lastFinished : undefined }
    const due = dueRun(policy.when, situation, { machine: this.#machine.id })
    if (due.do === 'wait' || !this.#repository || (await this.#rests.holds(policy, situation.now))) return
    if (await this.#isOnItsWay(run, situation.now)) return
    const failed = isOver ? 0 : failures
    await this.#noteRun(key, { lastStarted: situation.now, failures: failed })
    const outcome = await this.#runPlanned(run, due, failed)
    const lastFailures = outcome.state === 'failed' ? failed + 1 : 0
    const ended = { lastStarted: situation.now, lastFinished: this.#clock.now(), failures: lastFailures }
    await this.#noteRun(key, ended)
  }

  async #isOnItsWay({ kind, about: { policyId = '' } }: PlannedRun, now: number): Promise<boolean> {
    const ask = async (asked: object) => await this.#post('/api/machine/snapshots/received', asked, receivedSchema)
    return kind === 'backup' && (await isOnItsWay(this.#options.folder, policyId, { now, ask }))
  }

  async #noteRun(key: string, run: Runs[string]): Promise<void> {
    const { folder } = this.#options
    await folder.writeRuns({ ...(await folder.readRuns()), [key]: run })
  }

  async #runPlanned(
    { key, kind, about, revision, policy }: PlannedRun,
    { planned, missed }: RunNow,
    tried: number,
  ): Promise<Outcome> {
    const order = {
      ...about,
      revision,
      name: policy.name,
      planned: formatMoment(planned),
      missed: missed?.count ?? 0,
    }
    const onceKey = `${key} ${planned}${tried > 0 ? ` try ${tried + 1}` : ''}`
    const run = { kind, onceKey, order, startedAt: formatMoment(this.#clock.now()) }
    // A server that is away keeps no machine from its backup: then it hears of it later.
    const job = await this.#post('/api/machine/operations', run, jobSchema).catch(() => undefined)
    const known = job?.operation.state
    // The server had given it to this machine as a job meanwhile, or its end was told and not noted here.
    if (known !== undefined && known !== 'running' && known !== 'waiting') return { state: known }
    const outcome = await this.#perform({ kind, order: { ...about } }, job)
    if (outcome.state === 'set aside') return notDone(outcome.step, 'STATE_WRONG') // a backup waits for nobody
    if (job) await this.#finish(job, outcome)
    else await this.#reports.say({ path: '/api/machine/operations', body: { ...run, outcome } }, this.#options)
    return outcome
  }

  async #doJob(job: Job): Promise<void> {
    // It may be about a policy that was made a moment ago.
    await this.#greet()
    const ended = await this.#perform(job.operation, job)
    if (ended.state === 'set aside') await this.#setAside(job, ended)
    else await this.#finish(job, ended)
  }

  async #setAside({ operation: { id, kind }, epoch }: Job, { step }: SetAside): Promise<void> {
    const body = { epoch, step, days: mostDaysWaiting }
    await this.#post(`/api/machine/operations/${id}/set-aside`, body, doneSchema)
    this.#say(`${kind}: ${step}; see: understudy agent approve`)
  }

  /** Has ordered again what somebody on the machine has said yes to. What is over meanwhile needs no yes any more. */
  async #takeUpAgreed(): Promise<void> {
    const { folder } = this.#options
    for (const id of await folder.listYes()) {
      await this.#post(`/api/machine/operations/${id}/take-up`, {}, doneSchema).catch(async (thrown: unknown) => {
        if (!hasCode(thrown, 'SERVER_REFUSED')) throw thrown
        await folder.removeYes(id)
      })
    }
  }

  async #perform(
    { kind, order: given }: Pick<Job['operation'], 'kind' | 'order'>,
    claimed?: Job,
  ): Promise<Outcome | SetAside> {
    const { folder, program, signal } = this.#options
    const job = agentJobs.find((known) => known.kind === kind)
    const order = job?.order.safeParse(given)
    if (!job || !order?.success) return notDone('The server ordered what this agent does not do.', 'INPUT_INVALID')
    const repository = this.#repository
    if (!repository) return notDone('The machine has no repository yet.', 'NOT_FOUND')
    const ending = new AbortController()
    const over = new AbortController()
    const both = signal ? AbortSignal.any([signal, ending.signal]) : ending.signal
    let progress: Progress | undefined
    const reporting =
      claimed &&
      keepReporting(async () => await this.#reportOn(claimed, progress), {
        clock: this.#clock,
        ending,
        over: over.signal,
      })
    try {
      const outcome = await job.run(order.data, {
        folder,
        program,
        repository,
        flags: async () => await repositoryFlags(folder, repository, this.#certificateFile),
        certificateFile: this.#certificateFile,
        policies: this.#following.policies,
        devices: this.#following.devices,
        now: this.#clock.now(),
        signal: both,
        report: (latest) => void (progress = latest),
        hooksFolder: this.#options.hooksFolder ?? usualHooksFolder,
        rclone: this.#options.rclone,
        tell: async (measured) => await this.#tell(measured),
        look: async () => {
          const discovery = await this.#looks.take({ signal: both })
          await this.#tellLook(discovery)
          return discovery
        },
        sign: async (snapshotId) => await this.#sign(repository.repositoryId, snapshotId),
        operationId: claimed?.operation.id,
        isOwn: async (snapshotId) => await isInOwnList(folder, this.#machine.key, { ...repository, snapshotId }),
        readAccess: async () => await this.#readAccess(claimed),
        clock: this.#clock,
      })
      // An agent that is told to end leaves the run as cut off: it is made again.
      if (outcome.state === 'cancelled') signal?.throwIfAborted()
      if (outcome.state === 'set aside') return outcome
      this.#say(`${kind}: ${outcome.state}${outcome.reason === undefined ? '' : `: ${outcome.reason}`}`)
      return outcome
    } catch (thrown) {
      signal?.throwIfAborted()
      if (ending.signal.aborted) return { state: 'cancelled', reason: 'It was ended before it was done.' }
      throwIfBug(thrown)
      this.#say(`${kind}: ${messageOf(thrown)}`)
      return notDone(messageOf(thrown).slice(0, 2_000), toPlainError(thrown).code ?? 'UNEXPECTED')
    } finally {
      over.abort()
      await reporting
    }
  }

  async #reportOn({ operation: { id }, epoch }: Job, progress: Progress | undefined) {
    return await this.#post(`/api/machine/operations/${id}/report`, { epoch, progress }, reportedSchema)
  }

  async #tell(measured: readonly Omit<Measured, 'id'>[]): Promise<void> {
    for (const word of evidenceWords(measured)) await this.#reports.say(word, this.#options)
  }

  async #sign(repositoryId: string, snapshotId: string): Promise<void> {
    const signature = this.#machine.key.sign(snapshotText({ repositoryId, snapshotId }))
    const signed = { repositoryId, snapshotId, signature }
    await this.#options.folder.appendSigned(signed)
    await this.#reports.say({ path: '/api/machine/snapshots', body: signed }, this.#options)
  }

  async #readAccess(claimed: Job | undefined): Promise<z.output<typeof readAccessSchema>> {
    const { operation: { id = '' } = {}, epoch = 0 } = claimed ?? {}
    return await this.#post(`/api/machine/operations/${id}/read-access`, { epoch }, readAccessSchema)
  }

  async #finish({ operation: { id }, epoch }: Job, outcome: Outcome): Promise<void> {
    await this.#reports.say({ path: `/api/machine/operations/${id}/finish`, body: { epoch, outcome } }, this.#options)
  }

  async #post<Schema extends z.ZodType>(path: string, body: unknown, answer: Schema): Promise<z.output<Schema>> {
    const { signal } = this.#options
    const heard = await this.#link.post(path, body, { answer, machine: this.#machine, signal })
    this.#trouble = undefined
    return heard
  }

  /** Does something again and again. What goes wrong on the way to the server is said once, and tried again. */
  async #forever(work: () => Promise<void>): Promise<void> {
    const { signal, rhythm = 30_000 } = this.#options
    for (;;) {
      try {
        await work()
      } catch (thrown) {
        signal?.throwIfAborted()
        throwIfBug(thrown)
        const { code = 'UNEXPECTED' } = toPlainError(thrown)
        // That the server is an old one its memory has told.
        const isTold = code === 'SERVER_SUPERSEDED' || (code === this.#trouble && lasting.includes(code))
        if (!isTold) this.#say(messageOf(thrown))
        this.#trouble = code
      }
      await this.#clock.sleep(rhythm, { signal })
    }
  }

  async #alone<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(work)
    this.#last = mine.catch(() => undefined)
    return await mine
  }

  #say(sentence: string): void {
    this.#options.onEvent?.(sentence)
  }
}

/** What lasts, and is told of once. */
const lasting = ['SERVER_UNREACHABLE', 'VERSIONS_DIFFER']

/** How often a planned run that fails is made again; ten minutes lie between two tries. */
const mostRetries = 3

const formatMoment = (milliseconds: number) => new Date(milliseconds).toISOString()
