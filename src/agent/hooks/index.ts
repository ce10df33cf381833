/** Hooks: programs in a folder on the machine, owned by root, that the agent runs by their names. */
export { HookError, hookErrors } from './errors.ts'
export { findHook, usualHooksFolder } from './find-hook.ts'
export type { Hook } from './find-hook.ts'
export { betweenHooks, hookFailed, hookNotStarted, hookOrder, runHook } from './run-hook.ts'
export type { HookKind, HookNames, HookOptions, HookResult } from './run-hook.ts'
