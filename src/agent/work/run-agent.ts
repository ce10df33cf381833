import { hasCode, systemClock } from '#base'
import type { Cancellable, Clock } from '#base'
import { dueRun, limitAt, restNow } from '#policy'
import type { RunNow } from '#policy'
import {
  doneSchema,
  handoverSchema,
  jobSchema,
  readAccessSchema,
  reportedSchema,
  repositoryAccessSchema,
  snapshotText,
  welcomeSchema,
} from '#protocol'
import type { Outcome, Progress } from '#protocol'
import { z } from 'zod'
import { aboutThisMachine } from '../enrol.ts'
import { AgentError } from '../errors.ts'
import type { MachineKey } from '../link/machine-key.ts'
import { ServerLink } from '../link/server-link.ts'
import type { Machine } from '../link/server-link.ts'
import type { AgentFolder, Enrolled, FollowedPolicy, OwnRepository, Runs } from '../state.ts'
import { mostDaysWaiting } from '../restore/waiting.ts'
import { repositoryFlags } from './back-up.ts'
import type { SetAside } from './job.ts'
import { agentJobs } from './jobs.ts'
import { runOwnProgram } from './own-program.ts'
import type { OwnProgram } from './own-program.ts'
import { Reports } from './reports.ts'

export interface AgentOptions extends Cancellable {
  readonly folder: AgentFolder
  readonly program: OwnProgram
  readonly version: string
  readonly clock?: Clock
  /** Told what the agent does, a sentence each. */
  readonly onEvent?: (sentence: string) => void
  /** Milliseconds between two words with the server, and between two looks at the schedules. */
  readonly rhythm?: number
}

const kinds = agentJobs.map(({ kind }) => kind)
/** Seconds that the server may keep a call that waits for a job. */
const jobWait = 20

type Job = z.output<typeof jobSchema>

/**
 * Runs the agent until the signal aborts: it tells the server that it is there, follows its policies by their schedules,
 * with the server or without it, and does the jobs that it is given. Throws `AGENT_NOT_ENROLLED`, `AGENT_STATE_DAMAGED`.
 */
export async function runAgent(options: AgentOptions): Promise<void> {
  const { folder, signal } = options
  const [enrolled, key] = [await folder.readEnrolled(), await folder.key()]
  const agent = new Agent(options, enrolled, key)
  await agent.open()
  const working = [agent.keepInTouch(), agent.followSchedules(), agent.doJobs()]
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
  readonly #certificate: string | undefined
  readonly #isReplacement: boolean
  #policies: readonly FollowedPolicy[] = []
  #repository: OwnRepository | undefined
  #certificateFile: string | undefined
  /** One backup at a time: two would halve each other's speed, and meet in one repository. */
  #last: Promise<unknown> = Promise.resolve()
  #isInTouch: boolean | undefined

  constructor(options: AgentOptions, enrolled: Enrolled, key: MachineKey) {
    const { origin, machineId, certificate, isReplacement = false } = enrolled
    const { clock = systemClock, folder } = options
    this.#options = options
    this.#clock = clock
    this.#certificate = certificate
    this.#isReplacement = isReplacement
    this.#machine = { id: machineId, key }
    this.#link = new ServerLink({ origin, certificate }, { clock })
    this.#reports = new Reports(folder, this.#link, this.#machine)
  }

  async open(): Promise<void> {
    const { folder } = this.#options
    this.#policies = await folder.readPolicies()
    this.#repository = await folder.readRepository()
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
      for (const followed of this.#policies) await this.#alone(async () => await this.#runIfDue(followed))
    })
  }

  async doJobs(): Promise<void> {
    const answer = z.object({ job: jobSchema.nullable() })
    await this.#forever(async () => {
      for (;;) {
        const { job } = await this.#post('/api/machine/operations/next', { kinds, wait: jobWait }, answer)
        if (job) await this.#alone(async () => await this.#doJob(job))
      }
    })
  }

  async #greet(): Promise<void> {
    const { version, folder } = this.#options
    const follows = Object.fromEntries(this.#policies.map(({ id, revision }) => [id, revision]))
    const hello = { about: aboutThisMachine(version), clock: this.#clock.now(), follows }
    const { policies } = await this.#post('/api/machine/hello', hello, welcomeSchema)
    if (!policies) return
    const before = new Map(this.#policies.map((policy) => [policy.id, policy]))
    const followed = policies.map((policy) => ({
      ...policy,
      since: before.get(policy.id)?.since ?? this.#clock.now(),
    }))
    await folder.writePolicies(followed)
    this.#policies = followed
    this.#say(`follows ${followed.map(({ policy }) => `"${policy.name}"`).join(', ') || 'no backup policy'}`)
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
    const access = await this.#post('/api/machine/repository', { password }, repositoryAccessSchema)
    const repository = { ...access, password }
    const flags = await repositoryFlags(folder, repository, this.#certificateFile)
    const { code, failure } = await runOwnProgram(program, ['init', ...flags], { signal })
    if (code !== 0 && failure?.code !== 'REPOSITORY_EXISTS') {
      throw new AgentError('REPOSITORY_NOT_MADE', { reason: failure?.message ?? `exit code ${code}` })
    }
    await folder.writeRepository(repository)
    this.#repository = repository
    this.#say('has its repository')
  }

  async #runIfDue(followed: FollowedPolicy): Promise<void> {
    const { folder } = this.#options
    const { id, since, policy } = followed
    const { lastStarted, lastFinished, failures = 0 } = (await folder.readRuns())[id] ?? {}
    // A run that failed is made again after a while, as one that was cut off is, but not for ever: then the next one is.
    const isOver = failures === 0 || failures > mostRetries
    const situation = { now: this.#clock.now(), since, lastStarted, lastFinished: isOver ? lastFinished : undefined }
    const due = dueRun(policy.when, situation, { machine: this.#machine.id })
    if (due.do === 'wait' || !this.#repository || this.#rests(policy, situation.now)) return
    const failed = isOver ? 0 : failures
    await this.#noteRun(id, { lastStarted: situation.now, failures: failed })
    const outcome = await this.#runPlanned(followed, due, failed)
    const lastFailures = outcome.state === 'failed' ? failed + 1 : 0
    const ended = { lastStarted: situation.now, lastFinished: this.#clock.now(), failures: lastFailures }
    await this.#noteRun(id, ended)
  }

  /** Whether the policy wants no backup to begin now: the run stays due. */
  #rests({ limits = {}, rest = {}, when: { timeZone } }: FollowedPolicy['policy'], now: number): boolean {
    return limitAt(limits, now, timeZone).upload === 0 || restNow(rest, { now, timeZone }) !== undefined
  }

  async #noteRun(id: string, run: Runs[string]): Promise<void> {
    const { folder } = this.#options
    await folder.writeRuns({ ...(await folder.readRuns()), [id]: run })
  }

  async #runPlanned(
    { id, revision, policy }: FollowedPolicy,
    { planned, missed }: RunNow,
    tried: number,
  ): Promise<Outcome> {
    const order = {
      policyId: id,
      revision,
      name: policy.name,
      planned: formatMoment(planned),
      missed: missed?.count ?? 0,
    }
    const onceKey = `${id} ${planned}${tried > 0 ? ` try ${tried + 1}` : ''}`
    const run = { kind: 'backup', onceKey, order, startedAt: formatMoment(this.#clock.now()) }
    // A server that is away keeps no machine from its backup: then it hears of it later.
    const job = await this.#post('/api/machine/operations', run, jobSchema).catch(() => undefined)
    const known = job?.operation.state
    // The server had given it to this machine as a job meanwhile, or its end was told and not noted here.
    if (known !== undefined && known !== 'running' && known !== 'waiting') return { state: known }
    const outcome = await this.#perform({ kind: 'backup', order: { policyId: id } }, job)
    if (outcome.state === 'set aside') return notDone(outcome.step, 'STATE_WRONG') // a backup waits for nobody
    if (job) await this.#finish(job, outcome)
    else await this.#reports.say({ path: '/api/machine/operations', body: { ...run, outcome } }, this.#options)
    return outcome
  }

  async #doJob(job: Job): Promise<void> {
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
    let progress: Progress | undefined
    const reporting = claimed && this.#keepReporting(claimed, () => progress, { ending, over: over.signal })
    try {
      const outcome = await job.run(order.data, {
        folder,
        program,
        repository,
        certificateFile: this.#certificateFile,
        policies: this.#policies,
        now: this.#clock.now(),
        signal: signal ? AbortSignal.any([signal, ending.signal]) : ending.signal,
        report: (latest) => void (progress = latest),
        sign: async (snapshotId) => await this.#sign(repository.repositoryId, snapshotId),
        operationId: claimed?.operation.id,
        isOwn: async (snapshotId) => await this.#isOwn(repository.repositoryId, snapshotId),
        readAccess: async () => await this.#readAccess(claimed),
        clock: this.#clock,
      })
      // An agent that is told to end leaves the run as cut off: it is made again.
      if (outcome.state === 'cancelled') signal?.throwIfAborted()
      if (outcome.state === 'set aside') return outcome
      this.#say(`${kind}: ${outcome.state}${outcome.reason === undefined ? '' : `: ${outcome.reason}`}`)
      return outcome
    } finally {
      over.abort()
      await reporting
    }
  }

  /** Tells the server again and again that the work goes on, and ends it when the server says so. */
  async #keepReporting(
    { operation: { id }, epoch }: Job,
    progress: () => Progress | undefined,
    { ending, over }: { readonly ending: AbortController; readonly over: AbortSignal },
  ): Promise<void> {
    for (;;) {
      await this.#clock.sleep(reportEvery, { signal: over }).catch(() => undefined)
      if (over.aborted) return
      const body = { epoch, progress: progress() }
      const said = await this.#post(`/api/machine/operations/${id}/report`, body, reportedSchema).catch(() => undefined)
      if (said?.cancelAsked === true) ending.abort(new Error('the server asked for an end'))
    }
  }

  async #sign(repositoryId: string, snapshotId: string): Promise<void> {
    const signature = this.#machine.key.sign(snapshotText({ repositoryId, snapshotId }))
    const signed = { repositoryId, snapshotId, signature }
    await this.#options.folder.appendSigned(signed)
    await this.#reports.say({ path: '/api/machine/snapshots', body: signed }, this.#options)
  }

  /** By the machine's own list and its own key: the server's word counts for nothing here. */
  async #isOwn(repositoryId: string, snapshotId: string): Promise<boolean> {
    const { key } = this.#machine
    const signed = await this.#options.folder.readSigned()
    return signed.some(
      (entry) =>
        entry.repositoryId === repositoryId &&
        entry.snapshotId === snapshotId &&
        key.verify(snapshotText(entry), entry.signature),
    )
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
    this.#isInTouch = true
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
        if (!(thrown instanceof AgentError)) throw thrown
        if (this.#isInTouch !== false || !hasCode(thrown, 'SERVER_UNREACHABLE')) this.#say(thrown.message)
        this.#isInTouch = false
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

function notDone(reason: string, code: string): Outcome {
  return { state: 'failed', reason, code }
}

/** How often a planned run that fails is made again; ten minutes lie between two tries. */
const mostRetries = 3

function formatMoment(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}

/** Milliseconds between two reports of progress. */
const reportEvery = 5_000
