import { once } from 'node:events'
import { Worker, parentPort, workerData } from 'node:worker_threads'
import type { Cancellable } from './async.ts'
import { errorClass, fromPlainError, messageOf, toPlainError } from './errors.ts'
import type { PlainError } from './errors.ts'

/**
 * A pool of worker threads that run named calls, one after the other in each thread.
 *
 * A thread's module calls `serveThread` with its handlers. Besides its result, a call may post messages while it runs
 * (finished packs, say); they reach the pool's `onMessage` in the order in which they were posted, before the result.
 */

export const threadErrors = {
  THREAD_DIED: {
    message: 'A worker thread ended unexpectedly: {reason}.',
    hint: 'Run the command again; if this repeats, the machine may be short of memory.',
  },
} as const

export class ThreadError extends errorClass('ThreadError', threadErrors) {}

export interface ThreadPoolOptions {
  /** The module that runs in each thread. */
  readonly module: URL
  readonly threads: number
  /** Plain value (shared buffers allowed) that every thread starts with. */
  readonly data: unknown
  readonly onMessage?: (message: unknown, thread: ThreadHandle) => void
  /** Threads of the same module that were started before what they are for was known. */
  readonly warm?: WarmThreads | undefined
}

/** What a thread is started with: its data, or modules to load until its data comes as the first message. */
type Start = { readonly data: unknown } | { readonly preload: readonly string[] }

/**
 * Threads that have been started and load their modules while there is nothing to do for them yet (while somebody types a
 * password, or a key is derived from it). A pool that is given them takes them over; disposing ends those that are left.
 */
export class WarmThreads implements AsyncDisposable {
  readonly #workers: Worker[]

  /** `preload` are modules that the threads will be asked to load later. */
  constructor(module: URL, threads: number, preload: readonly URL[] = []) {
    const start: Start = { preload: preload.map(({ href }) => href) }
    this.#workers = Array.from({ length: threads }, () => startWorker(module, start))
    for (const worker of this.#workers) {
      worker.on('error', () => undefined)
      // What went wrong before anybody took it over, goes wrong again in the thread that is started in its place.
      worker.on('exit', () => this.#forget(worker))
    }
  }

  take(): Worker | undefined {
    return this.#workers.pop()
  }

  #forget(worker: Worker): void {
    const place = this.#workers.indexOf(worker)
    if (place >= 0) this.#workers.splice(place, 1)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#workers.splice(0).map(async (worker) => await end(worker, exitOf(worker))))
  }
}

function startWorker(module: URL, start: Start): Worker {
  // Node refuses this flag, of a program that was given on the command line, to threads.
  const isEvaluated = process.execArgv.some((flag) => flag.startsWith('--input-type'))
  const flags = isEvaluated && { execArgv: [] }
  return new Worker(module, { workerData: start, resourceLimits: { maxYoungGenerationSizeMb: 8 }, ...flags })
}

async function exitOf(worker: Worker): Promise<void> {
  // A thread that has ended already has no number any more.
  if (worker.threadId >= 0) await once(worker, 'exit')
}

/** One thread, for an answer to its message. */
export interface ThreadHandle {
  post(message: unknown, transfer?: readonly ArrayBuffer[]): void
}

interface Job {
  readonly number: number
  readonly call: string
  readonly args: unknown
  readonly transfer: readonly ArrayBuffer[]
  readonly resolve: (value: unknown) => void
  readonly reject: (reason: Error) => void
}

interface Thread extends ThreadHandle {
  readonly worker: Worker
  readonly ended: Promise<void>
  readonly jobs: Map<number, Job>
}

interface FromPool {
  readonly setup?: unknown
  readonly job?: number
  readonly call: string
  readonly args: unknown
  readonly message?: unknown
  readonly end?: boolean
}

type FromThread =
  | { readonly kind: 'result'; readonly job: number; readonly value: unknown }
  | { readonly kind: 'error'; readonly job: number; readonly error: PlainError }
  | { readonly kind: 'message'; readonly message: unknown }

/**
 * How long a thread may take to end by itself, in milliseconds: it ends what it is doing, unless that hangs. On a machine that is busy it may
 * still be loading libraries, and must not be terminated then.
 */
const endPatience = 20_000

// A second job waits inside the thread while the first runs, so that no thread idles for a round trip.
const jobsPerThread = 2

export class ThreadPool implements AsyncDisposable {
  readonly #threads: Thread[] = []
  readonly #queue: Job[] = []
  readonly #options: ThreadPoolOptions
  #lastJob = 0
  #closed = false
  #failure: Error | undefined

  constructor(options: ThreadPoolOptions) {
    this.#options = options
  }

  get threads(): number {
    return this.#options.threads
  }

  /** Runs a call in whichever thread is free. An abort lets the call end by itself; its result is dropped. */
  async run<Result>(
    call: string,
    args: unknown,
    { transfer = [], signal }: { readonly transfer?: readonly ArrayBuffer[] } & Cancellable = {},
  ): Promise<Result> {
    signal?.throwIfAborted()
    const value = await new Promise<unknown>((resolve, reject) => {
      this.#queue.push({ number: ++this.#lastJob, call, args, transfer, resolve, reject })
      this.#dispatch()
    })
    signal?.throwIfAborted()
    return value as Result
  }

  /** Runs a call if a thread has nothing to do; undefined when there is none. */
  runIfIdle<Result>(call: string, args: unknown): Promise<Result> | undefined {
    const thread = this.#threads.find(({ jobs }) => jobs.size === 0)
    if (!thread || this.#queue.length > 0) return undefined
    return new Promise<unknown>((resolve, reject) =>
      this.#give(thread, { number: ++this.#lastJob, call, args, transfer: [], resolve, reject }),
    ) as Promise<Result>
  }

  /** Runs a call once in every thread, after what each was given before. */
  async runInEach<Result>(call: string, args: unknown): Promise<Result[]> {
    while (this.#threads.length < this.#options.threads) this.#start()
    const results = this.#threads.map(
      (thread) =>
        new Promise<unknown>((resolve, reject) =>
          this.#give(thread, { number: ++this.#lastJob, call, args, transfer: [], resolve, reject }),
        ),
    )
    return (await Promise.all(results)) as Result[]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    await Promise.all(this.#threads.map(async ({ worker, ended }) => await end(worker, ended)))
  }

  #dispatch(): void {
    while (this.#queue.length > 0) {
      const thread = this.#freeThread()
      if (!thread) return
      this.#give(thread, this.#queue.shift() as Job)
    }
  }

  #freeThread(): Thread | undefined {
    const idle = this.#threads.find(({ jobs }) => jobs.size === 0)
    if (idle) return idle
    if (this.#threads.length < this.#options.threads) return this.#start()
    return this.#threads.find(({ jobs }) => jobs.size < jobsPerThread)
  }

  #give(thread: Thread, job: Job): void {
    if (this.#failure) return job.reject(this.#failure)
    thread.jobs.set(job.number, job)
    try {
      thread.worker.postMessage({ job: job.number, call: job.call, args: job.args }, [...job.transfer])
    } catch (cause) {
      thread.jobs.delete(job.number)
      job.reject(cause as Error)
    }
  }

  #start(): Thread {
    const { module, data, warm } = this.#options
    const ready = warm?.take()
    ready?.postMessage({ setup: data })
    const worker = ready ?? startWorker(module, { data })
    const thread: Thread = {
      worker,
      ended: new Promise((resolve) => worker.once('exit', () => resolve())),
      jobs: new Map(),
      post: (message, transfer = []) => worker.postMessage({ message }, [...transfer]),
    }
    worker.on('message', (message: FromThread) => this.#receive(thread, message))
    worker.on('error', (cause) => this.#fail(new ThreadError('THREAD_DIED', { reason: messageOf(cause), cause })))
    worker.on('exit', (code) => {
      if (!this.#closed) this.#fail(new ThreadError('THREAD_DIED', { reason: `exit code ${code}` }))
    })
    this.#threads.push(thread)
    return thread
  }

  #receive(thread: Thread, message: FromThread): void {
    if (message.kind === 'message') return this.#options.onMessage?.(message.message, thread)
    const job = thread.jobs.get(message.job)
    thread.jobs.delete(message.job)
    if (message.kind === 'result') job?.resolve(message.value)
    else job?.reject(fromPlainError(message.error))
    this.#dispatch()
  }

  // What a dead thread was storing is lost, and others may count on it: nothing of this pool can be trusted any more.
  #fail(error: Error): void {
    this.#failure ??= error
    for (const { jobs } of this.#threads) {
      for (const job of jobs.values()) job.reject(this.#failure)
      jobs.clear()
    }
    for (const job of this.#queue.splice(0)) job.reject(this.#failure)
  }
}

// Asked, not terminated: a thread that is torn down inside native code, while it loads a library say, takes the whole
// process with it.
async function end(worker: Worker, ended: Promise<void>): Promise<void> {
  worker.postMessage({ end: true })
  const timer = setTimeout(() => void worker.terminate(), endPatience)
  await ended
  clearTimeout(timer)
}

/** What a call gives back when some of its buffers are to be handed over instead of copied. */
export class Transferred {
  readonly value: unknown
  readonly buffers: readonly ArrayBuffer[]
  constructor(value: unknown, buffers: readonly ArrayBuffer[]) {
    this.value = value
    this.buffers = buffers
  }
}

export type ThreadHandlers = Readonly<Record<string, (args: never) => unknown>>

/** In a thread: answers the pool's calls with `handlers`. `onMessage` gets what the pool posts besides calls. */
export function serveThread(handlers: ThreadHandlers, onMessage?: (message: unknown) => void): void {
  receive = (request) => {
    if (request.end) process.exit() // of this thread only
    if (request.job === undefined) return onMessage?.(request.message)
    const { job, call, args } = request
    try {
      const result = (handlers[call] as (args: unknown) => unknown)(args)
      if (result instanceof Promise)
        result.then(
          (value) => answer(job, value),
          (thrown) => refuse(job, thrown),
        )
      else answer(job, result)
    } catch (thrown) {
      refuse(job, thrown)
    }
  }
  if (!listens) listen()
  for (const request of early.splice(0)) receive(request)
}

/** Who gets what the pool sends to this thread. */
let receive: (request: FromPool) => void = () => undefined
let listens = false
/** What came after the setup and before the thread served. */
const early: FromPool[] = []

function listen(): void {
  listens = true
  parentPort?.on('message', (request: FromPool) => receive(request))
}

/** In a thread, before anything is awaited: the value that the pool was made with, at once or when there is a pool. */
export async function threadData<Data>(): Promise<Data> {
  const start = workerData as Start
  if ('data' in start) return start.data as Data
  const setup = new Promise<Data>((resolve) => {
    receive = ({ setup: data, end: isOver }) => {
      if (isOver) process.exit()
      receive = (request) => early.push(request)
      resolve(data as Data)
    }
  })
  listen()
  // A module that cannot be loaded is a matter of whoever asks for it.
  for (const module of start.preload) await import(module).catch(() => undefined)
  return await setup
}

/** In a thread: posts a message to the pool's `onMessage`. */
export function postFromThread(message: unknown, transfer: readonly ArrayBuffer[] = []): void {
  parentPort?.postMessage({ kind: 'message', message }, [...transfer])
}

function answer(job: number, result: unknown): void {
  if (result instanceof Transferred) {
    parentPort?.postMessage({ kind: 'result', job, value: result.value }, [...result.buffers])
  } else parentPort?.postMessage({ kind: 'result', job, value: result })
}

function refuse(job: number, thrown: unknown): void {
  parentPort?.postMessage({ kind: 'error', job, error: toPlainError(thrown) })
}
