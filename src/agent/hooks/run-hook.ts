import { hasCode, messageOf, systemClock } from '#base'
import type { Cancellable, Clock } from '#base'

import { lastWords, startProgram } from '../programs/start-program.ts'
import type { ProgramEnd, ProgramOrder } from '../programs/start-program.ts'
import { HookError } from './errors.ts'
import { findHook } from './find-hook.ts'
import type { Hook } from './find-hook.ts'

/** When a hook is run: before the work, after it in every case, or after it failed; or to print a dump. */
export type HookKind = 'before' | 'after' | 'failure' | 'dump'

export interface HookOptions extends Cancellable {
  /** The machine's folder of hooks. */
  readonly folder: string
  readonly kind: HookKind
  /** In milliseconds. Default: ten minutes. */
  readonly timeout?: number | undefined
  /** What it is told besides its kind, as variables `UNDERSTUDY_…`; no secrets. */
  readonly facts?: Readonly<Record<string, string>>
  readonly clock?: Clock
}

export interface HookResult {
  readonly name: string
  readonly kind: HookKind
  /** In milliseconds. */
  readonly duration: number
  /** The last of what it printed. */
  readonly stdout: string
  readonly stderr: string
}

const tenMinutes = 600_000

/**
 * Runs a hook by its name, with a clean environment and no longer than it may. Throws HOOK_NAME_INVALID, HOOK_NOT_FOUND,
 * HOOK_UNSAFE, HOOK_NOT_STARTED, HOOK_FAILED, HOOK_TOO_LONG.
 */
export async function runHook(name: string, options: HookOptions): Promise<HookResult> {
  const { kind, timeout = tenMinutes, signal, clock = systemClock } = options
  const hook = await findHook(name, options)
  signal?.throwIfAborted()
  const began = clock.monotonic()
  const started = await startProgram(hookOrder(hook, options), ['ignore', 'pipe']).catch((thrown: unknown) => {
    throw hookNotStarted(name, thrown)
  })
  const printed = lastWords(started.child.stdout)
  using over = abortOnDispose()
  signal?.addEventListener('abort', started.kill, { signal: over.signal })
  const late = clock.sleep(timeout, { signal: over.signal }).then(
    () => 'late' as const,
    () => undefined,
  )
  const first = await Promise.race([started.ended, late])
  if (first === 'late') started.kill()
  const end = await started.ended
  started.child.stdout?.destroy()
  signal?.throwIfAborted()
  if (first === 'late') throw new HookError('HOOK_TOO_LONG', { name, seconds: Math.round(timeout / 1000) })
  if (end.code !== 0) throw hookFailed(name, end)
  return { name, kind, duration: Math.round(clock.monotonic() - began), stdout: printed(), stderr: end.stderr }
}

/** How a hook is started. */
export function hookOrder({ path }: Hook, { kind, facts = {} }: Pick<HookOptions, 'kind' | 'facts'>): ProgramOrder {
  const told = Object.entries(facts).map(([name, value]) => [`UNDERSTUDY_${name}`, value])
  return { program: path, args: [], env: { ...Object.fromEntries(told), UNDERSTUDY_HOOK: kind } }
}

export function hookFailed(name: string, { code, signal, stderr }: ProgramEnd): HookError {
  const how = code === null ? `signal ${signal}` : `code ${code}`
  return new HookError('HOOK_FAILED', { name, how, reason: stderr.trim().split('\n').at(-1) || 'it said nothing' })
}

export function hookNotStarted(name: string, cause: unknown): HookError {
  const reason = hasCode(cause, 'ENOENT') ? 'the program in its first line is not there' : messageOf(cause)
  return new HookError('HOOK_NOT_STARTED', { name, reason, cause })
}

/** The names of the hooks of a policy. */
export interface HookNames {
  readonly before?: string | undefined
  /** Run in every case: what `before` brought to rest must not stay so because a backup failed. */
  readonly after?: string | undefined
  readonly failure?: string | undefined
}

/**
 * Does `work` between its hooks. When `before` fails there is no work. `failure` runs when either failed, and `after` in every case,
 * also when the work is being cancelled. What those two throw changes nothing about the work: it goes to `onHookFailed`.
 */
export async function betweenHooks<Result>(
  names: HookNames,
  work: () => Promise<Result>,
  options: Omit<HookOptions, 'kind'> & { readonly onHookFailed: (error: unknown) => void },
): Promise<Result> {
  const runIfNamed = async (kind: HookKind, name: string | undefined, signal?: AbortSignal) => {
    if (name !== undefined) await runHook(name, { ...options, kind, signal })
  }
  const runAfterwards = async (kind: HookKind, name: string | undefined) =>
    await runIfNamed(kind, name).catch(options.onHookFailed)
  try {
    await runIfNamed('before', names.before, options.signal)
    return await work()
  } catch (thrown) {
    await runAfterwards('failure', names.failure)
    throw thrown
  } finally {
    await runAfterwards('after', names.after)
  }
}

function abortOnDispose(): { readonly signal: AbortSignal } & Disposable {
  const controller = new AbortController()
  return { signal: controller.signal, [Symbol.dispose]: () => controller.abort() }
}
