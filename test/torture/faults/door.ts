/**
 * The door by which the torture reaches into a program that runs: it is loaded before it (`node --import`), and does what
 * `UNDERSTUDY_TORTURE_DOOR` says. The program itself knows nothing of it.
 */
import { isMainThread } from 'node:worker_threads'
import type { BackendError, Backend, Fault, FaultKind, FaultyBackend } from '#backend'
import type { Jump, Moment, StorageFault } from './disturbance.ts'

export interface DoorOrder {
  /** The folder of the built program. */
  readonly program: string
  readonly moment?: Moment
  readonly faults?: readonly StorageFault[]
  readonly clock?: { readonly offset: number; readonly jumps: readonly Jump[] }
}

export const doorVariable = 'UNDERSTUDY_TORTURE_DOOR'

interface BackendModules {
  readonly ConnectionsBackend: { readonly prototype: Backend }
  readonly FaultyBackend: new (inner: Backend, faults: readonly Fault[]) => FaultyBackend
  readonly BackendError: new (...args: ConstructorParameters<typeof BackendError>) => BackendError
}

async function open(order: DoorOrder): Promise<void> {
  if (order.clock) setClock(order.clock)
  if (!isMainThread || (!order.moment && !order.faults)) return
  const modules = await loadModules(order.program)
  if (order.faults) addFaults(modules, order.faults)
  if (order.moment) killAt(modules, order.moment)
}

/** The classes of the program that runs, not ours: its errors must be known to it. */
async function loadModules(program: string): Promise<BackendModules> {
  return (await import(`${program}/dist/index.js`)) as BackendModules
}

/** The wall clock of this process; what only grows (`performance.now`) is as it was. */
function setClock({ offset, jumps }: NonNullable<DoorOrder['clock']>): void {
  const began = performance.now()
  const real = Date.now.bind(Date)
  const wrong = () => {
    const elapsed = performance.now() - began
    return real() + offset + jumps.reduce((sum, { after, by }) => sum + (elapsed >= after ? by : 0), 0)
  }
  const RealDate = Date
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, args) => Reflect.construct(target, args.length === 0 ? [wrong()] : args) as Date,
    get: (target, name) => (name === 'now' ? wrong : (Reflect.get(target, name) as unknown)),
  })
}

/** Every call of every kind of storage goes through this class, below the retries. */
type Patched = Record<'write' | 'delete', (this: Backend, ...args: unknown[]) => Promise<void>>

function killAt({ ConnectionsBackend }: BackendModules, { on, type, call, when }: Moment): void {
  const prototype = ConnectionsBackend.prototype as unknown as Patched
  const original = prototype[on]
  const die = () => void process.kill(process.pid, 'SIGKILL')
  let calls = 0
  prototype[on] = async function around(...args) {
    const isIt = (args[0] as { readonly type: string }).type === type && ++calls === call
    if (isIt && when === 'before') die()
    if (isIt && when === 'during') setImmediate(() => setImmediate(die))
    await original.apply(this, args)
    if (isIt && when === 'after') die()
  }
}

const methodNames = ['create', 'list', 'size', 'read', 'write', 'delete'] as const

type Method = (...args: unknown[]) => unknown
type Methods = Readonly<Record<(typeof methodNames)[number], Method>>

/** Puts a `FaultyBackend` between every storage and what uses it. */
function addFaults(modules: BackendModules, faults: readonly StorageFault[]): void {
  const prototype = modules.ConnectionsBackend.prototype
  const originals = methodsOf(prototype)
  const script = faults.map((fault) => faultOf(modules, fault))
  const known = new WeakMap<Backend, Methods>()
  const faultyOf = (backend: Backend) => {
    const made = known.get(backend) ?? methodsOf(new modules.FaultyBackend(unpatched(backend, originals), script))
    known.set(backend, made)
    return made
  }
  for (const name of methodNames) {
    const patched = function call(this: Backend, ...args: unknown[]) {
      return faultyOf(this)[name](...args)
    }
    Object.defineProperty(prototype, name, { value: patched })
  }
}

/** Its methods, bound to it where it is an object of its own. */
function methodsOf(backend: Backend): Methods {
  const method = (name: string) => Reflect.get(backend, name) as Method
  const isPrototype = Object.hasOwn(backend, 'constructor')
  const entries = methodNames.map((name) => [name, isPrototype ? method(name) : method(name).bind(backend)])
  return Object.fromEntries(entries) as Methods
}

/** The storage as it was before its methods were replaced. */
function unpatched(backend: Backend, originals: Methods): Backend {
  const bound = methodNames.map((name) => [name, originals[name].bind(backend)])
  const { location, connections, fast } = backend
  return { ...(Object.fromEntries(bound) as Methods), location, connections, fast } as unknown as Backend
}

function faultOf({ BackendError }: BackendModules, { on, type, call, times, what, share }: StorageFault): Fault {
  const error = new BackendError('STORAGE_FAILED', { location: 'here', reason: 'the torture', transient: true })
  const kinds: Readonly<Record<StorageFault['what'], FaultKind>> = {
    fail: { kind: 'fail', error },
    'lost reply': { kind: 'lost reply', error },
    delay: { kind: 'delay', milliseconds: Math.round(share * 300) },
    'cut read': { kind: 'truncate', bytes: Math.round(share ** 3 * 100_000) },
    'flip read': { kind: 'flip', bit: Math.round(share * 2 ** 31) },
  }
  return { on, type, call, times, fault: kinds[what] }
}

// Last, when everything above is there.
const text = process.env[doorVariable]
if (text !== undefined) await open(JSON.parse(text) as DoorOrder)
